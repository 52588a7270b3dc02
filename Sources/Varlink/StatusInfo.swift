public import Planner

/// How many jobs are in each state (`type Counts`).
public struct CountsInfo: Codable, Sendable, Equatable {
    /// Waiting.
    public var queued: Int
    /// Being made.
    public var running: Int
    /// Done.
    public var succeeded: Int
    /// Given up.
    public var failed: Int
    /// Taken out.
    public var cancelled: Int

    /// Counts of each state.
    public init(queued: Int, running: Int, succeeded: Int, failed: Int, cancelled: Int) {
        self.queued = queued
        self.running = running
        self.succeeded = succeeded
        self.failed = failed
        self.cancelled = cancelled
    }
}

/// The daemon at a glance (the reply of `Status`).
public struct StatusInfo: Codable, Sendable, Equatable {
    /// latentd's version.
    public var version: String
    /// The daemon's process.
    public var processID: Int
    /// Since it was ready.
    public var uptimeSeconds: Double
    /// Where jobs are dropped.
    public var spool: String
    /// Whether `Pause` holds the queue.
    public var paused: Bool
    /// Why nothing is started although jobs wait.
    public var waitingFor: String?
    /// Jobs by state.
    public var counts: CountsInfo
    /// The job that is being made.
    public var running: JobInfo?
    /// How far it is.
    public var progress: ProgressInfo?
    /// The kernels in use.
    public var isa: String
    /// The BLAS kernels in use.
    public var blasCore: String
    /// The daemon's resident memory.
    public var residentBytes: Int

    enum CodingKeys: String, CodingKey {
        case version, spool, paused, counts, running, progress, isa
        case processID = "process_id"
        case uptimeSeconds = "uptime_seconds"
        case waitingFor = "waiting_for"
        case blasCore = "blas_core"
        case residentBytes = "resident_bytes"
    }

    /// A status with these fields.
    public init(
        version: String, processID: Int, uptimeSeconds: Double, spool: String, paused: Bool, waitingFor: String?,
        counts: CountsInfo, running: JobInfo?, progress: ProgressInfo?, isa: String, blasCore: String,
        residentBytes: Int
    ) {
        self.version = version
        self.processID = processID
        self.uptimeSeconds = uptimeSeconds
        self.spool = spool
        self.paused = paused
        self.waitingFor = waitingFor
        self.counts = counts
        self.running = running
        self.progress = progress
        self.isa = isa
        self.blasCore = blasCore
        self.residentBytes = residentBytes
    }
}

/// What the engine knows without a daemon: what `latentd probe` prints.
public struct ProbeInfo: Codable, Sendable, Equatable {
    /// The host with the kernels in use; nil where the engine cannot run.
    public var host: HostProfile?
    /// Why it cannot.
    public var hostProblem: String?
    /// The names of the models that it can use.
    public var models: [String]
    /// What is wrong with the model folders that it cannot use, each with its path in front.
    public var problems: [String]

    enum CodingKeys: String, CodingKey {
        case host, models, problems
        case hostProblem = "host_problem"
    }

    /// What is known of some model folders, and nothing of the host yet.
    public init(models: [String], problems: [String]) { (self.models, self.problems) = (models, problems) }
}
