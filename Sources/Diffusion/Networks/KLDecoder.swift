import Compute
import Models

/// The decoder of Stable Diffusion's autoencoder; diffusers' `AutoencoderKL.decode`.
public struct KLDecoder {
    let postQuantConv: Linear?
    let convIn: Convolution
    let midResnets: [ResnetBlock]
    let midAttention: MidAttention?
    let upBlocks: [(resnets: [ResnetBlock], upsampler: Upsampler?)]
    let convNormOut: GroupNormalization, convOut: Convolution
    let weightBytes: WeightBytes

    private static let epsilon = 1e-6

    init(_ weights: Weights, _ config: DecoderConfiguration.KL) throws(ModelError) {
        let latent = config.latentChannels, groups = config.groups
        let widths = Array(config.channels.reversed())
        func resnet(_ scope: Weights, _ inputs: Int, _ outputs: Int) throws(ModelError) -> ResnetBlock {
            try ResnetBlock(scope, inputs: inputs, outputs: outputs, groups: groups, epsilon: KLDecoder.epsilon)
        }
        postQuantConv =
            config.hasPostQuantConv
            ? try Linear(weights["post_quant_conv"], inputs: latent, outputs: latent) : nil
        let decoder = weights["decoder"], mid = decoder["mid_block"]
        convIn = try Convolution(decoder["conv_in"], inputs: latent, outputs: widths[0])
        midResnets = [
            try resnet(mid["resnets", 0], widths[0], widths[0]), try resnet(mid["resnets", 1], widths[0], widths[0]),
        ]
        midAttention =
            config.hasMidAttention
            ? try MidAttention(mid["attentions", 0], channels: widths[0], groups: groups) : nil
        upBlocks = try widths.indices.map { level throws(ModelError) in
            let scope = decoder["up_blocks", level]
            let resnets = try (0...config.layers).map { layer throws(ModelError) in
                let inputs = layer == 0 && level > 0 ? widths[level - 1] : widths[level]
                return try resnet(scope["resnets", layer], inputs, widths[level])
            }
            let upsampler =
                level == widths.count - 1
                ? nil : try Upsampler(scope["upsamplers", 0], channels: widths[level], to: .double)
            return (resnets, upsampler)
        }
        let last = widths[widths.count - 1]
        convNormOut = try GroupNormalization(
            decoder["conv_norm_out"], channels: last, groups: groups, epsilon: KLDecoder.epsilon)
        convOut = try Convolution(decoder["conv_out"], inputs: last, outputs: config.outputs)
        weightBytes = WeightBytes(weights)
    }

    func callAsFunction(_ latents: Tensor, _ evaluation: Evaluation) -> Tensor {
        var x = enter(latents, evaluation)
        x = midResnets[0]([x], evaluation)
        if let midAttention { x = midAttention(x, evaluation) }
        x = midResnets[1]([x], evaluation)
        for block in upBlocks {
            for resnet in block.resnets { x = resnet([x], evaluation) }
            if let upsampler = block.upsampler { x = upsampler(x, evaluation) }
        }
        let normalized = convNormOut([consume x], activation: .silu, for: convOut.form, evaluation)
        let result = convOut(normalized, collectsStatistics: false, evaluation)
        evaluation.finished("decoder.conv_out", result)
        return result
    }

    private func enter(_ latents: Tensor, _ evaluation: Evaluation) -> Tensor {
        var x = latents
        if let postQuantConv {
            x = postQuantConv(x, evaluation)
            evaluation.finished("post_quant_conv", x)
        }
        let result = convIn(x, evaluation)
        evaluation.finished("decoder.conv_in", result)
        return result
    }
}
