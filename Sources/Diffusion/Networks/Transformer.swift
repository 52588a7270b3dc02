import Compute
import Models

/// Transformer blocks over an image's pixels, with the text as context; diffusers' `Transformer2DModel`.
struct Transformer {
    /// Its numbers.
    struct Dimensions {
        let channels: Int, heads: Int, contextChannels: Int, groups: Int
        /// The first attention looks at the text too, not at the image itself.
        var onlyCrossAttention: Bool
    }

    private let path: String
    private let norm: GroupNormalization
    private let projIn: Linear, projOut: Linear
    private let transformerBlocks: [TransformerBlock]

    /// - Parameter depth: how many blocks it has.
    init(_ weights: Weights, _ dimensions: Dimensions, depth: Int) throws(ModelError) {
        path = weights.path
        norm = try GroupNormalization(
            weights["norm"], channels: dimensions.channels, groups: dimensions.groups, epsilon: 1e-6)
        projIn = try Linear(weights["proj_in"], inputs: dimensions.channels, outputs: dimensions.channels)
        transformerBlocks = try (0..<depth).map { index throws(ModelError) in
            try TransformerBlock(weights["transformer_blocks", index], dimensions)
        }
        projOut = try Linear(weights["proj_out"], inputs: dimensions.channels, outputs: dimensions.channels)
    }

    func callAsFunction(_ x: Tensor, text: TextMemory, _ evaluation: Evaluation) -> Tensor {
        var tokens = projIn(norm([x], for: projIn.form, evaluation), evaluation)
        for block in transformerBlocks { tokens = block(tokens, text, evaluation) }
        let result = projOut(tokens, residual: x, collectsStatistics: true, evaluation)
        evaluation.finished(path, result)
        return result
    }

    /// Adds what the text is to each of its layers.
    func remember(_ text: Tensor, in memory: inout TextMemory, _ evaluation: Evaluation) {
        for block in transformerBlocks { block.remember(text, in: &memory, evaluation) }
        evaluation.remembered(path)
    }
}

/// Attention to the image, attention to the text, and a gated MLP; diffusers' `BasicTransformerBlock`.
private struct TransformerBlock {
    private let path: String
    private let norm1: LayerNormalization, attn1: CrossAttention
    private let norm2: LayerNormalization, attn2: CrossAttention
    private let norm3: LayerNormalization, ff: FeedForward
    private let onlyCrossAttention: Bool

    init(_ weights: Weights, _ dimensions: Transformer.Dimensions) throws(ModelError) {
        let channels = dimensions.channels, context = dimensions.contextChannels, heads = dimensions.heads
        path = weights.path
        onlyCrossAttention = dimensions.onlyCrossAttention
        norm1 = try LayerNormalization(weights["norm1"], channels: channels)
        attn1 = try CrossAttention(
            weights["attn1"], channels: channels, contextChannels: onlyCrossAttention ? context : channels,
            heads: heads)
        norm2 = try LayerNormalization(weights["norm2"], channels: channels)
        attn2 = try CrossAttention(
            weights["attn2"], channels: channels, contextChannels: context, heads: heads)
        norm3 = try LayerNormalization(weights["norm3"], channels: channels)
        ff = try FeedForward(weights["ff"], channels: channels)
    }

    func callAsFunction(_ x: Tensor, _ text: TextMemory, _ evaluation: Evaluation) -> Tensor {
        let first = onlyCrossAttention ? text[path, 1] : nil
        var x = attn1(norm1(x, for: attn1.form, evaluation), memory: first, residual: x, evaluation)
        x = attn2(norm2(x, for: attn2.form, evaluation), memory: text[path, 2], residual: x, evaluation)
        return ff(norm3(x, for: ff.form, evaluation), residual: x, evaluation)
    }

    func remember(_ text: Tensor, in memory: inout TextMemory, _ evaluation: Evaluation) {
        if onlyCrossAttention { memory[path, 1] = attn1.memory(of: text, evaluation) }
        memory[path, 2] = attn2.memory(of: text, evaluation)
    }
}

/// A gated MLP; diffusers' `FeedForward` with `GEGLU`.
private struct FeedForward {
    private let layers: GatedFeedForward

    init(_ weights: Weights, channels: Int) throws(ModelError) {
        let hidden = 4 * channels
        let order = { (row: Int) in GatedFeedForward.interleaved(row, hidden: hidden) }
        let gate = weights["net", 0]["proj"], out = weights["net", 2]
        layers = GatedFeedForward(
            gate: try gate.linear("weight", outputs: 2 * hidden, inputs: channels, order: order),
            gateBias: try gate.constant("bias", shape: [2 * hidden]).reordered(rows: 2 * hidden, order),
            out: try out.linear("weight", outputs: channels, inputs: hidden),
            outBias: try out.constant("bias", shape: [channels]))
    }

    /// The form in which it reads its input.
    var form: OperandForm { layers.form }

    func callAsFunction(_ x: Operand, residual: Tensor, _ evaluation: Evaluation) -> Tensor {
        evaluation.context.feedForward(x, layers, residual: residual)
    }
}
