public import JSONText
public import Planner

/// `org.latentd.Status`: the daemon at a glance.
public enum Status: Method {
    /// The full name.
    public static let name = "org.latentd.Status"
    /// For everybody who may connect.
    public static let mutates = false
    /// None.
    public typealias Parameters = Nothing
    /// All of it.
    public typealias Reply = StatusInfo
}

/// `org.latentd.Pause`: no job is started until `Resume`.
public enum Pause: Method {
    /// The full name.
    public static let name = "org.latentd.Pause"
    /// Only for peers that may control the daemon.
    public static let mutates = true
    /// None.
    public typealias Parameters = Nothing
    /// None.
    public typealias Reply = Nothing
}

/// `org.latentd.Resume`: jobs are started again.
public enum Resume: Method {
    /// The full name.
    public static let name = "org.latentd.Resume"
    /// Only for peers that may control the daemon.
    public static let mutates = true
    /// None.
    public typealias Parameters = Nothing
    /// None.
    public typealias Reply = Nothing
}

/// `org.latentd.Plan`: what would be chosen for a job, and why.
public enum PlanJob: Method {
    /// The full name.
    public static let name = "org.latentd.Plan"
    /// For everybody who may connect.
    public static let mutates = false

    /// The job to think about.
    public struct Parameters: Codable, Sendable {
        /// A job as in a job file.
        public let job: JSONValue

        /// Plans `job`.
        public init(job: JSONValue) { self.job = job }
    }

    /// The plan.
    public struct Reply: Codable, Sendable {
        /// The plan.
        public let plan: Plan

        /// A reply with `plan`.
        public init(plan: Plan) { self.plan = plan }
    }
}

/// `org.latentd.Models`: what lies in the model folders.
public enum Models: Method {
    /// The full name.
    public static let name = "org.latentd.Models"
    /// For everybody who may connect.
    public static let mutates = false
    /// None.
    public typealias Parameters = Nothing

    /// The models.
    public struct Reply: Codable, Sendable {
        /// Usable or not, sorted by name.
        public let models: [ModelInfo]

        /// A reply with `models`.
        public init(models: [ModelInfo]) { self.models = models }
    }
}

/// `org.latentd.Calibrate`: measures models on this host.
public enum Calibrate: Method {
    /// The full name.
    public static let name = "org.latentd.Calibrate"
    /// Only for peers that may control the daemon.
    public static let mutates = true

    /// Which model.
    public struct Parameters: Codable, Sendable {
        /// Nil: all of them.
        public let model: String?

        /// Calibrates `model`, or all.
        public init(model: String?) { self.model = model }
    }

    /// The measurements.
    public struct Reply: Codable, Sendable {
        /// One for each model.
        public let calibrations: [CalibrationInfo]

        /// A reply with `calibrations`.
        public init(calibrations: [CalibrationInfo]) { self.calibrations = calibrations }
    }
}
