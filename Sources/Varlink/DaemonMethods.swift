/// `org.latentd.Status`: the daemon at a glance.
public enum Status: Method {
    public static let name = "org.latentd.Status"
    public static let mutates = false
    public typealias Parameters = Nothing
    public typealias Reply = StatusInfo
}

/// `org.latentd.Pause`: no job is started until `Resume`.
public enum Pause: Method {
    public static let name = "org.latentd.Pause"
    public static let mutates = true
    public typealias Parameters = Nothing
    public typealias Reply = Nothing
}

/// `org.latentd.Resume`: jobs are started again.
public enum Resume: Method {
    public static let name = "org.latentd.Resume"
    public static let mutates = true
    public typealias Parameters = Nothing
    public typealias Reply = Nothing
}

/// `org.latentd.Plan`: what would be chosen for a job, and why.
public enum PlanJob: Method {
    public static let name = "org.latentd.Plan"
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
        public let plan: PlanInfo

        /// A reply with `plan`.
        public init(plan: PlanInfo) { self.plan = plan }
    }
}

/// `org.latentd.Models`: what lies in the model folders.
public enum Models: Method {
    public static let name = "org.latentd.Models"
    public static let mutates = false
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
    public static let name = "org.latentd.Calibrate"
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
