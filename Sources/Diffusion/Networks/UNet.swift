import Compute
import Models

/// The denoising network: diffusers' `UNet2DConditionModel` for Stable Diffusion 1.x and 2.x and their pruned students.
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
    private let convIn: Convolution
    private let downBlocks: [DownBlock]
    private let midBlock: MidBlock?
    private let upBlocks: [UpBlock]
    private let convNormOut: GroupNormalization, convOut: Convolution
    let weightBytes: WeightBytes

    /// Loads the component `unet`.
    public init(_ folder: ModelFolder, precision: WeightPrecision = .fp32) throws(ModelError) {
        let config = try UNetConfiguration(folder.config("unet"))
        let weights = Weights(try folder.checkpoint("unet"), precision: precision)
        channels = config.inputs
        contextChannels = config.contextChannels
        conditionChannels = config.conditionChannels
        let first = config.channels[0]
        timeEmbedding = try TimestepEmbedding(weights["time_embedding"], config)
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
        try weights.requireAllUsed()
        weightBytes = WeightBytes(weights)
    }

    /// One evaluation.
    ///
    /// - Parameters:
    ///   - sample: `[B, h, w, channels]`.
    ///   - context: the text's embeddings, `[B, 1, T, contextChannels]`.
    ///   - condition: the guidance scale's embedding, `[B, 1, 1, conditionChannels]`.
    /// - Returns: `[B, h, w, outputs]`.
    public func callAsFunction(
        _ sample: Tensor, timestep: Float, context: Tensor, condition: Tensor? = nil, _ evaluation: Evaluation
    ) -> Tensor {
        let time = timeEmbedding(timestep, batch: sample.shape.n, condition: condition, evaluation)
        // Every block activates the embedding first: once is enough.
        evaluation.context.apply(.silu, to: time)
        let conditions = Conditions(time: time, context: context)
        var x = convIn(sample, evaluation)
        evaluation.finished("conv_in", x)
        var skips = [x]
        for block in downBlocks { x = block(x, &skips, conditions, evaluation) }
        if let midBlock { x = midBlock(x, conditions, evaluation) }
        for block in upBlocks { x = block(x, &skips, conditions, evaluation) }
        x = convNormOut(x, activation: .silu, evaluation)
        let result = convOut(x, evaluation)
        evaluation.finished("conv_out", result)
        return result
    }
}

/// What every block of a UNet sees beside the image.
struct Conditions {
    /// The timestep's embedding, activated.
    let time: Tensor
    /// The text's embeddings.
    let context: Tensor
}
