/// A job in the queue: the request, where it came from, and what became of it so far.
public struct Job: Codable, Equatable, Sendable, Identifiable {
    /// The client's id, or one made from the intake.
    public let id: JobID
    /// The NAME of its result; no other job has it.
    public let name: ResultName
    /// The file that it came from.
    public let source: JobSource
    /// What was asked for.
    public let request: JobRequest
    /// The seed of every attempt: the request's, or one that was chosen at insertion.
    public let seed: UInt64
    /// Where it stands.
    public var state: JobState
    /// How often it was claimed, the released claims not counted.
    public var attempts: Int
    /// Whether somebody asked to cancel it while it runs; the worker looks at this a few times a second.
    public var isCancelRequested: Bool
    /// When it was put into the queue.
    public let createdAt: Timestamp
    /// When its latest attempt began.
    public var startedAt: Timestamp?
    /// When it reached a final state.
    public var finishedAt: Timestamp?
    /// Why it failed, or why its latest attempt did.
    public var failure: JobFailure?
    /// The user who handed it in; nil for a job of a release that did not note this.
    public let owner: UInt32?

    /// The job with all of its columns; only the store and tests make one.
    public init(
        id: JobID, name: ResultName, source: JobSource, request: JobRequest, seed: UInt64, state: JobState,
        attempts: Int, isCancelRequested: Bool, createdAt: Timestamp, startedAt: Timestamp?, finishedAt: Timestamp?,
        failure: JobFailure?, owner: UInt32? = nil
    ) {
        self.id = id
        self.name = name
        self.source = source
        self.request = request
        self.seed = seed
        self.state = state
        self.attempts = attempts
        self.isCancelRequested = isCancelRequested
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.failure = failure
        self.owner = owner
    }
}

/// Where a job came from: one element of one file that was taken into the spool.
public struct JobSource: Codable, Hashable, Sendable {
    /// The mark of the file's intake.
    public let intake: IntakeID
    /// The file's name in `incoming/`, for people; not safe in a path.
    public let file: String
    /// The element's position in the file, from 0.
    public let index: Int

    /// Element `index` of the file that was called `file`.
    public init(intake: IntakeID, file: String, index: Int) {
        self.intake = intake
        self.file = file
        self.index = index
    }
}

/// Something handed in that is no job, as the queue remembers it: `failed/NAME.json` tells people.
public struct Rejection: Codable, Equatable, Sendable {
    /// The NAME in `failed/`; no job and no other rejection has it.
    public let name: ResultName
    /// The file that it came from.
    public let source: JobSource
    /// What is wrong with it.
    public let failure: JobFailure
    /// When it was handed in.
    public let createdAt: Timestamp

    /// The rejection with all of its columns; only the store and tests make one.
    public init(name: ResultName, source: JobSource, failure: JobFailure, createdAt: Timestamp) {
        self.name = name
        self.source = source
        self.failure = failure
        self.createdAt = createdAt
    }
}
