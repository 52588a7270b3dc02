public import JSONText
public import Jobs

/// A job as the control socket tells it (`type Job`).
public struct JobInfo: Codable, Sendable, Equatable {
    /// The job's id.
    public var id: JobID
    /// The NAME of `done/NAME.webp`.
    public var name: ResultName
    /// Where it stands.
    public var state: JobState
    /// -100 to 100, higher first.
    public var priority: Int
    /// How often it was claimed and charged for it.
    public var attempts: Int
    /// The seed, resolved when the job was queued.
    public var seed: UInt64
    /// When it was queued.
    public var createdAt: Timestamp
    /// When its latest attempt began; nil before the first claim.
    public var startedAt: Timestamp?
    /// Nil before the end.
    public var finishedAt: Timestamp?
    /// Why it failed.
    public var failure: JobFailure?
    /// The request in the form of a job file.
    public var request: JSONValue
    /// The path of the picture, once there is one.
    public var picture: String?
    /// The path of `done/NAME.json` or `failed/NAME.json`, once there is one.
    public var record: String?
    /// The user who handed it in; nil for jobs of releases that did not note it.
    public var owner: UInt32?

    enum CodingKeys: String, CodingKey {
        case id, name, state, priority, attempts, seed, failure, request, picture, record, owner
        case createdAt = "created_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
    }

    /// A job with all its fields.
    public init(
        id: JobID, name: ResultName, state: JobState, priority: Int, attempts: Int, seed: UInt64, createdAt: Timestamp,
        startedAt: Timestamp?, finishedAt: Timestamp?, failure: JobFailure?, request: JSONValue, picture: String?,
        record: String?, owner: UInt32? = nil
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
        self.owner = owner
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
