/// Which weights are in memory while a picture is made, the fastest way first.
public enum MemoryMode: String, Codable, CodingKeyRepresentable, Comparable, Sendable, CaseIterable,
    CustomStringConvertible
{
    /// Those of all stages: the next picture starts at once.
    case together
    /// Those of the running stage: every picture reads them again.
    case oneStage = "one_stage"
    /// Those of the running block: every step reads them again.
    case streamed

    /// Whether `one` is the faster way.
    public static func < (one: MemoryMode, other: MemoryMode) -> Bool { one.order < other.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// For people.
    public var description: String {
        switch self {
        case .together: "all weights in memory"
        case .oneStage: "one stage's weights in memory"
        case .streamed: "weights streamed"
        }
    }
}
