import Compute

/// How an archive stores the elements of a tensor: the types of safetensors by their names there, and the blocks of GGUF.
public enum TensorFormat: String, Hashable, Sendable, CaseIterable {
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case i16 = "I16"
    case u16 = "U16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case u32 = "U32"
    case f32 = "F32"
    case i64 = "I64"
    case u64 = "U64"
    case f64 = "F64"
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2_k = "Q2_K"
    case q3_k = "Q3_K"
    case q4_k = "Q4_K"
    case q5_k = "Q5_K"
    case q6_k = "Q6_K"

    /// How the blocks are coded in which elements are stored; nil for elements that are stored one by one.
    public var blocks: BlockFormat? { BlockFormat(rawValue: rawValue) }

    /// Elements that are stored together: those of a block, or one.
    public var elementCount: Int { blocks?.elementCount ?? 1 }

    /// Bytes of one element, or of a block.
    public var byteCount: Int {
        if let blocks { return blocks.byteCount }
        return switch self {
        case .bool, .u8, .i8: 1
        case .i16, .u16, .f16, .bf16: 2
        case .i32, .u32, .f32: 4
        default: 8
        }
    }

    /// Whether the elements are floats, or blocks that are decoded to floats: numbers that can be weights without further scales.
    public var isReal: Bool { elementType != nil || blocks != nil }

    /// Compute's name for a type that can be a weight; nil for the others.
    public var elementType: ElementType? {
        switch self {
        case .f32: .float32
        case .f16: .float16
        case .bf16: .bfloat16
        default: nil
        }
    }
}
