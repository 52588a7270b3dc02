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
