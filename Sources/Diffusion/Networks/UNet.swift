import Compute
import Models

/// The denoising network: diffusers' `UNet2DConditionModel` for Stable Diffusion 1.x, 2.x and XL, and their pruned students.
///
/// ```
/// sample ─ conv_in ─┬─ down 0 ─┬─ down 1 ─┬─ … ─ mid ─ … ─ up 1 ─ up 0 ─ conv_norm_out ─ conv_out ─► output
///                   └──────────┴── skips ─┴──────────────┘     (each up layer takes the last skip that is left)
/// ```
public struct UNet {
    /// Channels of the latents.
    public let channels: Int
    /// Channels of the text's embeddings.
    public let contextChannels: Int
    /// Channels of the guidance scale's embedding; nil where guidance takes two evaluations.
    public let conditionChannels: Int?
    private let timeEmbedding: TimestepEmbedding
    private let addEmbedding: AddedEmbedding?
    private let convIn: Convolution
    private let downBlocks: [DownBlock]
    private let midBlock: MidBlock?
    private let upBlocks: [UpBlock]
    private let convNormOut: GroupNormalization, convOut: Convolution
    let weightBytes: WeightBytes

    /// Loads the component `unet`.
    public init(_ folder: ModelFolder, _ preparation: Preparation = Preparation()) throws(ModelError) {
        let config = try UNetConfiguration(folder.config("unet"))
        let weights = try Weights(folder, "unet", preparation)
        channels = config.inputs
        contextChannels = config.contextChannels
        conditionChannels = config.conditionChannels
        let first = config.channels[0]
        timeEmbedding = try TimestepEmbedding(weights["time_embedding"], config)
        addEmbedding =
            if let addition = config.addition {
                try AddedEmbedding(weights["add_embedding"], addition, outputs: config.timeChannels)
            } else {
                nil
            }
        convIn = try Convolution(weights["conv_in"], inputs: config.inputs, outputs: first, size: config.inputKernel)
        downBlocks = try config.levels.indices.map { level throws(ModelError) in
            try DownBlock(weights["down_blocks", level], config, level: level)
        }
        midBlock = if let kind = config.midBlock { try MidBlock(weights["mid_block"], config, kind) } else { nil }
        upBlocks = try config.levels.indices.map { index throws(ModelError) in
            try UpBlock(weights["up_blocks", index], config, level: config.levels.count - 1 - index)
        }
        convNormOut = try GroupNormalization(
            weights["conv_norm_out"], channels: first, groups: config.groups, epsilon: config.epsilon)
        convOut = try Convolution(
            weights["conv_out"], inputs: first, outputs: config.outputs, size: config.outputKernel)
        try weights.finish()
        weightBytes = WeightBytes(weights)
    }

    /// What a batch of texts, `[B, 1, T, contextChannels]`, is to each layer: good for every step.
    public func memory(of texts: Tensor, _ evaluation: Evaluation) -> TextMemory {
        var memory = TextMemory(batch: texts.shape.n)
        for block in downBlocks { block.remember(texts, in: &memory, evaluation) }
        midBlock?.remember(texts, in: &memory, evaluation)
        for block in upBlocks { block.remember(texts, in: &memory, evaluation) }
        return memory
    }

    /// What texts as a whole, `[B, P]`, and the picture's sizes, `[B, 6]`, add to every timestep's embedding, `[B, 1, 1, C]`: good for
    /// every step. Nil in models that add nothing.
    func addition(_ pooled: [Float], _ sizes: [Float], batch: Int, _ evaluation: Evaluation) -> Tensor? {
        addEmbedding?(pooled, sizes, batch: batch, evaluation)
    }

    /// One evaluation.
    ///
    /// - Parameters:
    ///   - sample: `[B, h, w, channels]`.
    ///   - text: `memory(of:)` the texts of this batch.
    ///   - condition: the guidance scale's embedding, `[B, 1, 1, conditionChannels]`.
    ///   - addition: what `addition` gave.
    /// - Returns: `[B, h, w, outputs]`.
    public func callAsFunction(
        _ sample: Tensor, timestep: Float, text: TextMemory, condition: Tensor? = nil, addition: Tensor? = nil,
        _ evaluation: Evaluation
    ) -> Tensor {
        let time = timeEmbedding(
            timestep, batch: sample.shape.n, condition: condition, addition: addition, evaluation)
        // Every block activates the embedding first: once is enough.
        evaluation.context.apply(.silu, to: time)
        let conditions = Conditions(time: time, text: text)
        var x = convIn(sample, evaluation)
        evaluation.finished("conv_in", x)
        var skips = [x]
        for block in downBlocks { x = block(x, &skips, conditions, evaluation) }
        if let midBlock { x = midBlock(x, conditions, evaluation) }
        for block in upBlocks { x = block(x, &skips, conditions, evaluation) }
        let normalized = convNormOut([consume x], activation: .silu, for: convOut.form, evaluation)
        let result = convOut(normalized, collectsStatistics: false, evaluation)
        evaluation.finished("conv_out", result)
        return result
    }
}

/// What every block of a UNet sees beside the image.
struct Conditions {
    /// The timestep's embedding, activated.
    let time: Tensor
    /// The texts of the batch.
    let text: TextMemory
}

/// What a text is to every layer of a UNet that attends to it: keys and values, made once and asked by every step.
public struct TextMemory {
    /// Texts in the batch.
    let batch: Int
    private var memories: [String: AttentionMemory] = [:]

    init(batch: Int) { self.batch = batch }

    /// The memory of attention `number` (1 or 2) of the transformer block at `path`.
    subscript(_ path: String, _ number: Int) -> AttentionMemory? {
        get { memories["\(path).attn\(number)"] }
        set { memories["\(path).attn\(number)"] = newValue }
    }
}
