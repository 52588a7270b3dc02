import Compute
import Models

/// The encoder of the tiny autoencoder (TAESD); diffusers' `AutoencoderTiny.encode`: convolutions and ReLU, no norms.
///
/// The layers are a list in the checkpoint: for each level a convolution, which halves all but the first, and its blocks; then
/// the last convolution.
public struct TinyEncoder {
    let levels: [Level]
    let convOut: Convolution
    private let outPath: String
    let weightBytes: WeightBytes

    struct Level {
        let conv: Convolution
        let path: String
        let blocks: [TinyBlock]
    }

    init(_ weights: Weights, _ config: EncoderConfiguration.Tiny) throws(ModelError) {
        let encoder = weights["encoder"], width = config.channels
        var index = 0
        levels = try config.blocks.enumerated().map { level, count throws(ModelError) in
            let scope = encoder["layers", index], isFirst = level == 0
            let conv = try Convolution(
                scope, inputs: isFirst ? config.inputs : width, outputs: width, stride: isFirst ? 1 : 2,
                hasBias: isFirst)
            let blocks = try (0..<count).map { block throws(ModelError) in
                try TinyBlock(encoder["layers", index + 1 + block], channels: width, activation: config.activation)
            }
            index += 1 + count
            return Level(conv: conv, path: scope.path, blocks: blocks)
        }
        let scope = encoder["layers", index]
        convOut = try Convolution(scope, inputs: width, outputs: config.latentChannels)
        outPath = scope.path
        weightBytes = WeightBytes(weights)
    }

    /// The latents of `[B, H, W, 3]`, `[B, h, w, C]`.
    func callAsFunction(_ image: Tensor, _ evaluation: Evaluation) -> Tensor {
        var x = evaluation.context.copy(image)
        toUnit(x, evaluation.context)
        for level in levels {
            x = level.conv(x, collectsStatistics: level.conv.readsRange, evaluation)
            evaluation.finished(level.path, x)
            for block in level.blocks { x = block(x, evaluation) }
        }
        let latents = convOut(x, collectsStatistics: false, evaluation)
        evaluation.finished(outPath, latents)
        return latents
    }

    /// From -1 ... 1 to 0 ... 1, in place.
    func toUnit(_ image: Tensor, _ context: Context) { context.scale(image, by: 0.5, plus: 0.5) }
}
