/// How a model's weights are kept and multiplied (`docs/precision.md`); the raw value is the word in job files and manifests.
public enum Precision: String, Codable, CodingKeyRepresentable, CaseIterable, Comparable, Sendable {
    case int4, int8, bf16, fp32

    /// By width: `int4 < fp32`.
    public static func < (left: Precision, right: Precision) -> Bool { left.bits < right.bits }

    private var bits: Int {
        switch self {
        case .int4: 4
        case .int8: 8
        case .bf16: 16
        case .fp32: 32
        }
    }
}
