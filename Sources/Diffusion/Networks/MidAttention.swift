import Compute
import Models

/// One head of attention over all pixels, in the middle of the decoder.
struct MidAttention {
    private let path: String
    let groupNorm: GroupNormalization
    let attention: CrossAttention

    init(_ weights: Weights, channels: Int, groups: Int) throws(ModelError) {
        path = weights.path
        groupNorm = try GroupNormalization(weights["group_norm"], channels: channels, groups: groups, epsilon: 1e-6)
        attention = try CrossAttention(
            weights, channels: channels, contextChannels: channels, heads: 1, hasBias: true)
    }

    func callAsFunction(_ x: Tensor, _ evaluation: Evaluation) -> Tensor {
        let normalized = groupNorm([x], for: attention.form, evaluation)
        let result = attention(normalized, residual: x, collectsStatistics: true, evaluation)
        evaluation.finished(path, result)
        return result
    }
}
