import Compute
import Models

/// Transformer blocks over an image's pixels, with the text as context; diffusers' `Transformer2DModel`.
struct Transformer {
    /// Its numbers.
    struct Dimensions {
        let channels: Int, heads: Int, layers: Int, contextChannels: Int, groups: Int
        /// The first attention looks at the text too, not at the image itself.
        var onlyCrossAttention: Bool
    }

    private let path: String
    private let norm: GroupNormalization
    private let projIn: Linear, projOut: Linear
    private let transformerBlocks: [TransformerBlock]

    init(_ weights: Weights, _ dimensions: Dimensions) throws(ModelError) {
        path = weights.path
        norm = try GroupNormalization(
            weights["norm"], channels: dimensions.channels, groups: dimensions.groups, epsilon: 1e-6)
        projIn = try Linear(weights["proj_in"], inputs: dimensions.channels, outputs: dimensions.channels)
        transformerBlocks = try (0..<dimensions.layers).map { index throws(ModelError) in
            try TransformerBlock(weights["transformer_blocks", index], dimensions)
        }
        projOut = try Linear(weights["proj_out"], inputs: dimensions.channels, outputs: dimensions.channels)
    }

    func callAsFunction(_ x: Tensor, context: Tensor, _ evaluation: Evaluation) -> Tensor {
        var tokens = projIn(norm(x, evaluation), evaluation)
        for block in transformerBlocks { tokens = block(tokens, context: context, evaluation) }
        let result = projOut(tokens, residual: x, evaluation)
        evaluation.finished(path, result)
        return result
    }
}

/// Attention to the image, attention to the text, and a gated MLP; diffusers' `BasicTransformerBlock`.
private struct TransformerBlock {
    private let norm1: LayerNormalization, attn1: CrossAttention
    private let norm2: LayerNormalization, attn2: CrossAttention
    private let norm3: LayerNormalization
    private let gate: Linear, ff: Linear
    private let onlyCrossAttention: Bool

    init(_ weights: Weights, _ dimensions: Transformer.Dimensions) throws(ModelError) {
        let channels = dimensions.channels, context = dimensions.contextChannels, heads = dimensions.heads
        onlyCrossAttention = dimensions.onlyCrossAttention
        norm1 = try LayerNormalization(weights["norm1"], channels: channels)
        attn1 = try CrossAttention(
            weights["attn1"], channels: channels, contextChannels: onlyCrossAttention ? context : channels,
            heads: heads)
        norm2 = try LayerNormalization(weights["norm2"], channels: channels)
        attn2 = try CrossAttention(
            weights["attn2"], channels: channels, contextChannels: context, heads: heads)
        norm3 = try LayerNormalization(weights["norm3"], channels: channels)
        gate = try Linear(weights["ff"]["net", 0]["proj"], inputs: channels, outputs: 8 * channels)
        ff = try Linear(weights["ff"]["net", 2], inputs: 4 * channels, outputs: channels)
    }

    func callAsFunction(_ x: Tensor, context: Tensor, _ evaluation: Evaluation) -> Tensor {
        var x = attn1(norm1(x, evaluation), context: onlyCrossAttention ? context : nil, residual: x, evaluation)
        x = attn2(norm2(x, evaluation), context: context, residual: x, evaluation)
        let gated = gate(norm3(x, evaluation), evaluation)
        return ff(evaluation.context.geglu(gated), residual: x, evaluation)
    }
}
