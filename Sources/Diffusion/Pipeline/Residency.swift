/// Which weights stay in memory, the fastest way first.
public enum Residency: String, Hashable, Sendable, CaseIterable, Codable {
    /// Those of all stages: the next picture starts at once.
    case together
    /// Only the running stage's: the next picture reads them again.
    case oneStage = "one_stage"
    /// Only the running block's: every step reads them again. They have to be mapped for that.
    case streamed
}
