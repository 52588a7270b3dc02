/// The type of a tensor's elements in memory.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
    case float32, float16, bfloat16, int8, uint8, int32

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .float16, .bfloat16: 2
        case .int8, .uint8: 1
        }
    }
}
