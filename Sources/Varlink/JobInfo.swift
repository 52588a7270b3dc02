/// A job as the control socket tells it (`type Job`).
public struct JobInfo: Codable, Sendable, Equatable {
    /// The job's id.
    public var id: String
    /// The NAME of `done/NAME.webp`.
    public var name: String
    /// queued, running, succeeded, failed or cancelled.
    public var state: String
    /// -100 to 100, higher first.
    public var priority: Int
    /// How often it was claimed and charged for it.
    public var attempts: Int
    /// The seed, resolved when the job was queued.
    public var seed: UInt64
    /// RFC 3339.
    public var createdAt: String
    /// RFC 3339; nil before the first claim.
    public var startedAt: String?
    /// RFC 3339; nil before the end.
    public var finishedAt: String?
    /// Why it failed.
    public var failure: FailureInfo?
    /// The request in the form of a job file.
    public var request: JSONValue
    /// The path of the picture, once there is one.
    public var picture: String?
    /// The path of `done/NAME.json` or `failed/NAME.json`, once there is one.
    public var record: String?

    /// Whether nothing more will happen to it by itself.
    public var isFinal: Bool { state != "queued" && state != "running" }

    enum CodingKeys: String, CodingKey {
        case id, name, state, priority, attempts, seed, failure, request, picture, record
        case createdAt = "created_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
    }

    /// A job with all its fields.
    public init(
        id: String, name: String, state: String, priority: Int, attempts: Int, seed: UInt64, createdAt: String,
        startedAt: String?, finishedAt: String?, failure: FailureInfo?, request: JSONValue, picture: String?,
        record: String?
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.priority = priority
        self.attempts = attempts
        self.seed = seed
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.failure = failure
        self.request = request
        self.picture = picture
        self.record = record
    }
}

/// Why a job failed (`type Failure`).
public struct FailureInfo: Codable, Sendable, Equatable {
    /// A stable word.
    public var code: String
    /// The path of the field at fault.
    public var field: String?
    /// A sentence for a person.
    public var message: String

    /// A failure with these fields.
    public init(code: String, field: String?, message: String) {
        self.code = code
        self.field = field
        self.message = message
    }
}

/// How far a running job is (`type Progress`).
public struct ProgressInfo: Codable, Sendable, Equatable {
    /// loading, encoding, denoising, decoding or writing.
    public var stage: String
    /// Steps that are done.
    public var step: Int
    /// Steps in all.
    public var steps: Int
    /// 0 to 1, by predicted time.
    public var fraction: Double
    /// Since the job was claimed.
    public var elapsedSeconds: Double
    /// Until the picture, by the plan and the steps so far.
    public var remainingSeconds: Double?

    enum CodingKeys: String, CodingKey {
        case stage, step, steps, fraction
        case elapsedSeconds = "elapsed_seconds"
        case remainingSeconds = "remaining_seconds"
    }

    /// Progress with these fields.
    public init(
        stage: String, step: Int, steps: Int, fraction: Double, elapsedSeconds: Double, remainingSeconds: Double?
    ) {
        self.stage = stage
        self.step = step
        self.steps = steps
        self.fraction = fraction
        self.elapsedSeconds = elapsedSeconds
        self.remainingSeconds = remainingSeconds
    }
}
