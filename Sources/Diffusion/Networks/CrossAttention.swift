import Compute
import Models

/// Attention of tokens to themselves or to a context, with an output projection; diffusers' `Attention`.
struct CrossAttention {
    private let toQ: Linear, toK: Linear, toV: Linear, toOut: Linear
    private let heads: Int

    /// - Parameter contextChannels: what keys and values are made from; the tokens' own where they attend to themselves.
    init(
        _ weights: Weights, channels: Int, contextChannels: Int, heads: Int, hasBias: Bool = false
    ) throws(ModelError) {
        let names = CrossAttention.names(weights)
        toQ = try Linear(weights[names.q], inputs: channels, outputs: channels, hasBias: hasBias)
        toK = try Linear(weights[names.k], inputs: contextChannels, outputs: channels, hasBias: hasBias)
        toV = try Linear(weights[names.v], inputs: contextChannels, outputs: channels, hasBias: hasBias)
        toOut = try Linear(weights[names.out], inputs: channels, outputs: channels)
        self.heads = heads
    }

    /// The projections' names: today's, or those of the first autoencoders.
    private static func names(_ weights: Weights) -> (q: String, k: String, v: String, out: String) {
        weights.hasScope("query") ? ("query", "key", "value", "proj_attn") : ("to_q", "to_k", "to_v", "to_out.0")
    }

    /// The form in which it reads the tokens.
    var form: OperandForm { toQ.form }

    /// What a context is to this layer, of which every step asks anew.
    func memory(of context: Tensor, _ evaluation: Evaluation) -> AttentionMemory {
        memory(of: evaluation.context.operand(context, toK.form), evaluation)
    }

    func memory(
        of context: Operand, collectsStatistics: Bool = false, _ evaluation: Evaluation
    ) -> AttentionMemory {
        AttentionMemory(
            keys: toK(context, collectsStatistics: collectsStatistics, evaluation),
            values: toV(context, collectsStatistics: collectsStatistics, evaluation))
    }

    /// How its numbers are multiplied.
    var precision: WeightPrecision { toQ.precision }
    /// The weights that keys and values are made by, and those that queries pass.
    var memoryWeights: [WeightRegion] { [toK.region, toV.region] }
    var queryWeights: [WeightRegion] { [toQ.region, toOut.region] }

    /// `residual + out(attention)` for some tokens, to keys that are laid out already.
    func callAsFunction(_ x: Operand, _ keys: PackedKeys, residual: Tensor, _ evaluation: Evaluation) -> Tensor {
        let attended = keys.attend(toQ(x, evaluation), in: evaluation.context)
        return toOut(attended, residual: residual, collectsStatistics: true, evaluation)
    }

    /// `residual + out(attention)`.
    ///
    /// - Parameters:
    ///   - x: in `form`.
    ///   - memory: of what is attended to; nil is `x` itself.
    ///   - collectsStatistics: a normalization over images reads the result next.
    func callAsFunction(
        _ x: Operand, memory: AttentionMemory? = nil, residual: Tensor, collectsStatistics: Bool = false,
        _ evaluation: Evaluation
    ) -> Tensor {
        let memory = memory ?? self.memory(of: x, evaluation)
        let attended = evaluation.context.attention(
            q: toQ(x, evaluation), k: memory.keys, v: memory.values, heads: heads, precision: toQ.precision)
        return toOut(attended, residual: residual, collectsStatistics: collectsStatistics, evaluation)
    }
}

/// Keys and values of what a layer attends to: `[B, 1, S, channels]` each.
struct AttentionMemory {
    let keys: Tensor, values: Tensor
}
