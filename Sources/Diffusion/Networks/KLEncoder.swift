import Compute
import Models

/// The encoder of Stable Diffusion's autoencoder; diffusers' `AutoencoderKL.encode`.
public struct KLEncoder {
    let convIn: Convolution
    let downBlocks: [(resnets: [ResnetBlock], downsampler: Downsampler?)]
    let midResnets: [ResnetBlock]
    let midAttention: MidAttention?
    let convNormOut: GroupNormalization, convOut: Convolution
    let quantConv: Linear?
    let weightBytes: WeightBytes

    private static let epsilon = 1e-6

    init(_ weights: Weights, _ config: EncoderConfiguration.KL) throws(ModelError) {
        let widths = config.channels, groups = config.groups, last = widths[widths.count - 1]
        func resnet(_ scope: Weights, _ inputs: Int, _ outputs: Int) throws(ModelError) -> ResnetBlock {
            try ResnetBlock(scope, inputs: inputs, outputs: outputs, groups: groups, epsilon: KLEncoder.epsilon)
        }
        let encoder = weights["encoder"], mid = encoder["mid_block"]
        convIn = try Convolution(encoder["conv_in"], inputs: config.inputs, outputs: widths[0])
        downBlocks = try widths.indices.map { level throws(ModelError) in
            let scope = encoder["down_blocks", level]
            let resnets = try (0..<config.layers).map { layer throws(ModelError) in
                let inputs = layer == 0 && level > 0 ? widths[level - 1] : widths[level]
                return try resnet(scope["resnets", layer], inputs, widths[level])
            }
            let downsampler =
                level == widths.count - 1
                ? nil : try Downsampler(scope["downsamplers", 0], channels: widths[level], padding: 0)
            return (resnets, downsampler)
        }
        midResnets = [try resnet(mid["resnets", 0], last, last), try resnet(mid["resnets", 1], last, last)]
        midAttention =
            config.hasMidAttention ? try MidAttention(mid["attentions", 0], channels: last, groups: groups) : nil
        convNormOut = try GroupNormalization(
            encoder["conv_norm_out"], channels: last, groups: groups, epsilon: KLEncoder.epsilon)
        let moments = 2 * config.latentChannels
        convOut = try Convolution(encoder["conv_out"], inputs: last, outputs: moments)
        quantConv =
            config.hasQuantConv ? try Linear(weights["quant_conv"], inputs: moments, outputs: moments) : nil
        weightBytes = WeightBytes(weights)
    }

    /// The distribution of the latents of `[B, H, W, 3]`: means, then logarithms of variances, `[B, h, w, 2C]`.
    func callAsFunction(_ image: Tensor, _ evaluation: Evaluation) -> Tensor {
        var x = convIn(image, evaluation)
        evaluation.finished("encoder.conv_in", x)
        for block in downBlocks {
            for resnet in block.resnets { x = resnet([x], evaluation) }
            if let downsampler = block.downsampler { x = downsampler(x, evaluation) }
        }
        x = midResnets[0]([x], evaluation)
        if let midAttention { x = midAttention(x, evaluation) }
        x = midResnets[1]([x], evaluation)
        let normalized = convNormOut([consume x], activation: .silu, for: convOut.form, evaluation)
        let result = convOut(normalized, collectsStatistics: quantConv?.form == .bytesByImage, evaluation)
        evaluation.finished("encoder.conv_out", result)
        guard let quantConv else { return result }
        let moments = quantConv(result, evaluation)
        evaluation.finished("quant_conv", moments)
        return moments
    }
}
