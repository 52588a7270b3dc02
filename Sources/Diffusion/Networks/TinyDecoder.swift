import Compute
import Models

/// The decoder of the tiny autoencoder (TAESD); diffusers' `AutoencoderTiny.decode`: convolutions and ReLU, no norms.
///
/// The layers are a list in the checkpoint: a convolution, its activation, then for each level its blocks, an enlargement and
/// a convolution; the last level has no enlargement.
public struct TinyDecoder {
    let convIn: Convolution
    let levels: [Level]
    let activation: Activation
    let weightBytes: WeightBytes

    struct Level {
        let blocks: [TinyBlock]
        let conv: Convolution
        let path: String
        let isLast: Bool
    }

    init(_ weights: Weights, _ config: DecoderConfiguration.Tiny) throws(ModelError) {
        let decoder = weights["decoder"], width = config.channels
        activation = config.activation
        convIn = try Convolution(decoder["layers", 0], inputs: config.latentChannels, outputs: width)
        var index = 2
        levels = try config.blocks.enumerated().map { level, count throws(ModelError) in
            let isLast = level == config.blocks.count - 1
            let blocks = try (0..<count).map { block throws(ModelError) in
                try TinyBlock(decoder["layers", index + block], channels: width, activation: config.activation)
            }
            index += count + (isLast ? 0 : 1)
            let scope = decoder["layers", index]
            let conv = try Convolution(
                scope, inputs: width, outputs: isLast ? config.outputs : width, hasBias: isLast)
            index += 1
            return Level(blocks: blocks, conv: conv, path: scope.path, isLast: isLast)
        }
        weightBytes = WeightBytes(weights)
    }

    func callAsFunction(_ latents: Tensor, _ evaluation: Evaluation) -> Tensor {
        let context = evaluation.context
        var x = convIn(
            squashed(latents, context), activation: activation, collectsStatistics: convIn.readsRange, evaluation)
        evaluation.finished("decoder.layers.1", x)
        for level in levels {
            for block in level.blocks { x = block(x, evaluation) }
            x = level.conv(
                x, upsampledTo: level.isLast ? nil : (x.shape.h * 2, x.shape.w * 2),
                collectsStatistics: !level.isLast && level.conv.readsRange, evaluation)
            if !level.isLast { evaluation.finished(level.path, x) }
        }
        // From 0 ... 1 to -1 ... 1.
        context.scale(x, by: 2, plus: -1)
        evaluation.finished("decoder", x)
        return x
    }

    /// `3 tanh(x / 3)`: far latents are bent back.
    func squashed(_ latents: Tensor, _ context: Context) -> Tensor {
        let x = context.copy(latents)
        context.scale(x, by: 1 / 3)
        context.apply(.tanh, to: x)
        context.scale(x, by: 3)
        return x
    }
}

/// Three convolutions around which the input is carried; diffusers' `AutoencoderTinyBlock`.
struct TinyBlock {
    private let path: String
    let conv0: Convolution, conv2: Convolution, conv4: Convolution
    let activation: Activation

    init(_ weights: Weights, channels: Int, activation: Activation) throws(ModelError) {
        path = weights.path
        self.activation = activation
        conv0 = try Convolution(weights["conv", 0], inputs: channels, outputs: channels)
        conv2 = try Convolution(weights["conv", 2], inputs: channels, outputs: channels)
        conv4 = try Convolution(weights["conv", 4], inputs: channels, outputs: channels)
    }

    func callAsFunction(_ x: Tensor, _ evaluation: Evaluation) -> Tensor {
        let first = conv0(x, activation: activation, collectsStatistics: conv2.readsRange, evaluation)
        let second = conv2(first, activation: activation, collectsStatistics: conv4.readsRange, evaluation)
        let result = conv4(second, residual: x, activation: .relu, collectsStatistics: conv0.readsRange, evaluation)
        evaluation.finished(path, result)
        return result
    }
}
