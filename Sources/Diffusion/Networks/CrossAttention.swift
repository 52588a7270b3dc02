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

    /// - Parameter context: what is attended to; nil is `x` itself.
    func callAsFunction(_ x: Tensor, context: Tensor? = nil, residual: Tensor, _ evaluation: Evaluation) -> Tensor {
        let source = context ?? x
        let attended = evaluation.context.attention(
            q: toQ(x, evaluation), k: toK(source, evaluation), v: toV(source, evaluation), heads: heads)
        return toOut(attended, residual: residual, evaluation)
    }
}
