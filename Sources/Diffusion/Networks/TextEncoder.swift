import Compute
import Models

/// CLIP's text model (Radford et al., arXiv 2103.00020): a causal transformer over token and position embeddings; transformers'
/// `CLIPTextModel`, and `CLIPTextModelWithProjection`.
public struct TextEncoder {
    /// What the model says about a batch of texts.
    public struct Output {
        /// Every token: `[B, 1, T, C]`.
        public let embeddings: Tensor
        /// Each text as a whole, the embedding of its end: `[B, 1, 1, C]`, or as many channels as it is projected to; nil where that
        /// was not wanted.
        public let pooled: Tensor?
    }

    /// Whose embeddings of the tokens are wanted.
    public enum Layer: Hashable, Sendable {
        /// After the last norm, with so many layers at the end left out before it.
        case normalized(skipping: Int)
        /// After the layer that so many follow, as it is.
        case hidden(skipping: Int)
    }

    /// Channels of an embedding.
    public let channels: Int
    /// Layers that `skipping` can leave out.
    public let layerCount: Int
    private let tokenEmbedding: LookupTable
    private let positionEmbedding: LookupTable
    private let layers: [TextEncoderLayer]
    private let finalLayerNorm: LayerNormalization
    private let textProjection: Linear?
    private let endToken: Int
    /// Bytes of the weights: as mapped, and in private memory.
    let weightBytes: WeightBytes

    /// Loads a component.
    ///
    /// - Parameter projects: whether it is of the class whose texts as a whole are projected.
    public init(
        _ folder: ModelFolder, component: String = "text_encoder", projects: Bool = false,
        _ preparation: Preparation = Preparation()
    ) throws(ModelError) {
        let config = try TextEncoderConfiguration(folder.config(component))
        let all = try Weights(folder, component, preparation, keepsRows: true)
        let weights = all.hasScope("text_model") ? all.rooted(at: "text_model") : all
        channels = config.channels
        layerCount = config.layers
        endToken = config.endToken
        let embeddings = weights["embeddings"]
        tokenEmbedding = try embeddings["token_embedding"].table(
            "weight", rows: config.vocabulary, columns: channels)
        positionEmbedding = try embeddings["position_embedding"].table(
            "weight", rows: config.positions, columns: channels)
        layers = try (0..<config.layers).map { index throws(ModelError) in
            try TextEncoderLayer(weights["encoder"]["layers", index], config)
        }
        finalLayerNorm = try LayerNormalization(
            weights["final_layer_norm"], channels: channels, epsilon: config.epsilon)
        textProjection =
            projects
            ? try Linear(all["text_projection"], inputs: channels, outputs: config.projection, hasBias: false) : nil
        // A buffer that old files hold, and the head that a text-to-image model does not use.
        all.ignore { $0.hasSuffix("embeddings.position_ids") || $0 == "text_projection.weight" }
        try all.finish()
        weightBytes = WeightBytes(weights)
    }

    /// The embeddings of texts of equal length.
    ///
    /// - Parameter isPooled: whether the texts as a whole are wanted where the tokens' embeddings come from before the last norm;
    ///   otherwise what follows is left out.
    public func callAsFunction(
        _ texts: [[Int]], layer: Layer = .normalized(skipping: 0), isPooled: Bool = true, _ evaluation: Evaluation
    ) -> Output {
        let context = evaluation.context
        let length = texts[0].count
        let shape = Shape(batch: texts.count, tokens: length, channels: channels)
        var x = context.rows(texts.flatMap { $0 }, of: tokenEmbedding).reshaped(shape)
        x = context.add(x, context.rows(Array(0..<length), of: positionEmbedding))
        evaluation.finished("embeddings", x)
        switch layer {
        case .normalized(let skipping):
            for layer in layers.dropLast(skipping) { x = layer(x, evaluation) }
            x = normalized(x, evaluation)
            return Output(embeddings: x, pooled: pooled(x, texts, evaluation))
        case .hidden(let skipping):
            for layer in layers.dropLast(skipping) { x = layer(x, evaluation) }
            guard isPooled else { return Output(embeddings: x, pooled: nil) }
            let hidden = x
            for layer in layers.suffix(skipping) { x = layer(x, evaluation) }
            return Output(embeddings: hidden, pooled: pooled(normalized(x, evaluation), texts, evaluation))
        }
    }

    private func normalized(_ x: Tensor, _ evaluation: Evaluation) -> Tensor {
        let result = finalLayerNorm(x, evaluation)
        evaluation.finished("final_layer_norm", result)
        return result
    }

    private func pooled(_ x: Tensor, _ texts: [[Int]], _ evaluation: Evaluation) -> Tensor {
        let ends = ends(of: x, texts, evaluation.context)
        let result = textProjection.map { $0(ends, evaluation) } ?? ends
        evaluation.finished("pooled", result)
        return result
    }

    /// ## Easy to get wrong
    /// Old configurations say that the end token is 2, which it is not; the end is then the token with the largest number.
    private func ends(of x: Tensor, _ texts: [[Int]], _ context: Context) -> Tensor {
        let pooled = context.tensor(Shape(batch: texts.count, tokens: 1, channels: channels))
        guard !context.isMeasuring else { return pooled }
        for (index, text) in texts.enumerated() {
            let end = endToken == 2 ? text.max() ?? 0 : endToken
            let row = index * text.count + (text.firstIndex(of: end) ?? 0)
            for channel in 0..<channels {
                pooled.floats[index * channels + channel] = x.floats[row * channels + channel]
            }
        }
        return pooled
    }
}

/// One layer: attention to the tokens before, then an MLP, each on a normalized input and added to it.
private struct TextEncoderLayer {
    private let path: String
    private let layerNorm1: LayerNormalization
    private let qProj: Linear, kProj: Linear, vProj: Linear, outProj: Linear
    private let layerNorm2: LayerNormalization
    private let fc1: Linear, fc2: Linear
    private let heads: Int
    private let activation: Activation

    init(_ weights: Weights, _ config: TextEncoderConfiguration) throws(ModelError) {
        let channels = config.channels
        let attention = weights["self_attn"], mlp = weights["mlp"]
        path = weights.path
        layerNorm1 = try LayerNormalization(weights["layer_norm1"], channels: channels, epsilon: config.epsilon)
        qProj = try Linear(attention["q_proj"], inputs: channels, outputs: channels)
        kProj = try Linear(attention["k_proj"], inputs: channels, outputs: channels)
        vProj = try Linear(attention["v_proj"], inputs: channels, outputs: channels)
        outProj = try Linear(attention["out_proj"], inputs: channels, outputs: channels)
        layerNorm2 = try LayerNormalization(weights["layer_norm2"], channels: channels, epsilon: config.epsilon)
        fc1 = try Linear(mlp["fc1"], inputs: channels, outputs: config.hidden)
        fc2 = try Linear(mlp["fc2"], inputs: config.hidden, outputs: channels)
        heads = config.heads
        activation = config.activation
    }

    func callAsFunction(_ x: Tensor, _ evaluation: Evaluation) -> Tensor {
        let attended = attend(layerNorm1(x, evaluation), residual: x, evaluation)
        let hidden = fc1(layerNorm2(attended, evaluation), activation: activation, evaluation)
        let result = fc2(hidden, residual: attended, evaluation)
        evaluation.finished(path, result)
        return result
    }

    private func attend(_ x: Tensor, residual: Tensor, _ evaluation: Evaluation) -> Tensor {
        let attended = evaluation.context.attention(
            q: qProj(x, evaluation), k: kProj(x, evaluation), v: vProj(x, evaluation), heads: heads, causal: true)
        return outProj(attended, residual: residual, evaluation)
    }
}
