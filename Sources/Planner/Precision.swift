/// How a model's weights are held; the raw value is the word in manifests and jobs.
public enum Precision: String, Codable, CaseIterable, Comparable, Sendable {
    case int4, int8, bf16, fp32

    /// How much of a model's quality is left, where the model's manifest has no measured figure.
    var qualityFactor: Double {
        switch self {
        case .fp32: 1
        case .bf16: 0.999
        case .int8: 0.98
        case .int4: 0.93
        }
    }

    /// By width: `int4 < fp32`.
    public static func < (left: Precision, right: Precision) -> Bool {
        left.qualityFactor < right.qualityFactor
    }
}
