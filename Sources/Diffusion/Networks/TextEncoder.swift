import Compute
import Models

/// CLIP's text model (Radford et al., arXiv 2103.00020): a causal transformer over token and position embeddings; transformers'
/// `CLIPTextModel`.
public struct TextEncoder {
    /// What the model says about a batch of texts.
    public struct Output {
        /// Every token, after the last norm: `[B, 1, T, C]`.
        public let embeddings: Tensor
        /// Each text as a whole, the embedding of its end: `[B, 1, 1, C]`.
        public let pooled: Tensor
    }

    /// Channels of an embedding.
    public let channels: Int
    /// Layers that `skipping` can leave out.
    public let layerCount: Int
    private let tokenEmbedding: LookupTable
    private let positionEmbedding: LookupTable
    private let layers: [TextEncoderLayer]
    private let finalLayerNorm: LayerNormalization
    private let endToken: Int
    /// Bytes of the weights: as mapped, and in private memory.
    let weightBytes: WeightBytes

    /// Loads the component `text_encoder`.
    public init(_ folder: ModelFolder, _ preparation: Preparation = Preparation()) throws(ModelError) {
        let config = try TextEncoderConfiguration(folder.config("text_encoder"))
        let all = try Weights(folder, "text_encoder", preparation, keepsRows: true)
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
        // A buffer that old files hold, and the head that a text-to-image model does not use.
        all.ignore { $0.hasSuffix("embeddings.position_ids") || $0 == "text_projection.weight" }
        try all.finish()
        weightBytes = WeightBytes(weights)
    }

    /// The embeddings of texts of equal length, with the last `skipping` layers left out.
    public func callAsFunction(_ texts: [[Int]], skipping: Int = 0, _ evaluation: Evaluation) -> Output {
        let context = evaluation.context
        let length = texts[0].count
        let shape = Shape(batch: texts.count, tokens: length, channels: channels)
        var x = context.rows(texts.flatMap { $0 }, of: tokenEmbedding).reshaped(shape)
        x = context.add(x, context.rows(Array(0..<length), of: positionEmbedding))
        evaluation.finished("embeddings", x)
        for layer in layers.dropLast(skipping) { x = layer(x, evaluation) }
        x = finalLayerNorm(x, evaluation)
        evaluation.finished("final_layer_norm", x)
        let pooled = pool(x, texts, context)
        evaluation.finished("pooled", pooled)
        return Output(embeddings: x, pooled: pooled)
    }

    /// ## Easy to get wrong
    /// Old configurations say that the end token is 2, which it is not; the end is then the token with the largest number.
    private func pool(_ x: Tensor, _ texts: [[Int]], _ context: Context) -> Tensor {
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
