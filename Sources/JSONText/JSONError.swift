/// Where and why a text is not JSON.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before the place.
    public let offset: Int
    /// What is wrong there.
    public let problem: String
    /// The names of the members that the place lies in, the outermost first.
    public private(set) var path: [String] = []

    init(offset: Int, problem: String) {
        self.offset = offset
        self.problem = problem
    }

    /// The problem and the place.
    public var description: String {
        let place = path.isEmpty ? "" : ", in \(path.prefix(8).map { $0.prefix(64) }.joined(separator: "."))"
        return "it is not valid JSON: \(problem) at byte \(offset)\(place)"
    }

    /// The same in the member `name`.
    func inside(_ name: String) -> JSONError {
        var error = self
        error.path.insert(name, at: 0)
        return error
    }
}
