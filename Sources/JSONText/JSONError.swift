/// Where and why a text is not JSON.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before the place.
    public let offset: Int
    /// What is wrong there.
    public let problem: String

    /// The problem and the place.
    public var description: String { "it is not valid JSON: \(problem) at byte \(offset)" }
}
