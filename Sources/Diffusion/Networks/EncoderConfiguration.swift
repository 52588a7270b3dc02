import Compute
import Models

/// The encoder's side of `vae/config.json`. Read for a picture that begins with one, and not before: a folder whose encoder is not
/// known here still draws.
enum EncoderConfiguration {
    case kl(KL)
    case tiny(Tiny)

    /// `AutoencoderKL`.
    struct KL {
        let inputs = 3
        let channels: [Int]
        let latentChannels: Int, layers: Int, groups: Int
        let hasQuantConv: Bool, hasMidAttention: Bool
    }

    /// `AutoencoderTiny`.
    struct Tiny {
        let inputs = 3
        let channels: Int
        let blocks: [Int]
        let latentChannels: Int
        let activation: Activation
    }

    init(_ folder: ModelFolder) throws(ModelError) {
        let config = try folder.config("vae")
        let _: Int = try config.integer("in_channels", default: 3, in: 3...3)
        switch try DecoderConfiguration(folder) {
        case .kl(let decoder): self = .kl(try KL(config, decoder))
        case .tiny(let decoder): self = .tiny(try Tiny(config, decoder))
        }
    }
}

extension EncoderConfiguration.KL {
    /// - Parameter decoder: the other half, which has the same widths.
    fileprivate init(_ config: Config, _ decoder: DecoderConfiguration.KL) throws(ModelError) {
        channels = decoder.channels
        latentChannels = decoder.latentChannels
        layers = decoder.layers
        groups = decoder.groups
        hasMidAttention = decoder.hasMidAttention
        hasQuantConv = try config.bool("use_quant_conv", default: true)
        guard config.has("down_block_types") else { return }
        let types = try config.strings("down_block_types")
        guard types.count == channels.count else {
            throw config.refusal("down_block_types", "it has \(types.count) elements, not \(channels.count)")
        }
        for (index, type) in types.enumerated() where type != "DownEncoderBlock2D" {
            throw config.refusal(
                "down_block_types[\(index)]", "the block '\(type)' is not supported; 'DownEncoderBlock2D' is")
        }
    }
}

extension EncoderConfiguration.Tiny {
    /// - Parameter decoder: the other half; its latents are as many times smaller than the picture.
    fileprivate init(_ config: Config, _ decoder: DecoderConfiguration.Tiny) throws(ModelError) {
        activation = decoder.activation
        latentChannels = decoder.latentChannels
        blocks = try config.integers("num_encoder_blocks", default: [1, 3, 3, 3], in: 0...64)
        guard blocks.count == decoder.blocks.count else {
            throw config.refusal(
                "num_encoder_blocks", "it has \(blocks.count) elements, not the \(decoder.blocks.count) of the decoder")
        }
        let widths = try config.integers("encoder_block_out_channels", default: [64, 64, 64, 64], in: 1...65_536)
        guard widths.count == blocks.count else {
            throw config.refusal("encoder_block_out_channels", "it has \(widths.count) elements, not \(blocks.count)")
        }
        guard widths.allSatisfy({ $0 == widths[0] }) else {
            throw config.refusal("encoder_block_out_channels", "the levels differ, which this class does not connect")
        }
        channels = widths[0]
    }
}
