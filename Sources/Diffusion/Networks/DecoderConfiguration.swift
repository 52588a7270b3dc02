import Compute
import Models

/// `vae/config.json`, resolved; what it leaves out is diffusers' class.
enum DecoderConfiguration {
    case kl(KL)
    case tiny(Tiny)

    /// `AutoencoderKL`.
    struct KL {
        let channels: [Int]
        let latentChannels: Int, outputs: Int, layers: Int, groups: Int
        let hasPostQuantConv: Bool, hasMidAttention: Bool
        let scalingFactor: Float
    }

    /// `AutoencoderTiny`.
    struct Tiny {
        let channels: Int
        let blocks: [Int]
        let latentChannels: Int, outputs: Int
        let activation: Activation
        let scalingFactor: Float
    }

    private enum Class: String, CaseIterable {
        case kl = "AutoencoderKL"
        case tiny = "AutoencoderTiny"
    }

    private enum TinyActivation: String, CaseIterable {
        case relu, gelu, silu, swish

        var activation: Activation {
            switch self {
            case .relu: .relu
            case .gelu: .gelu
            case .silu, .swish: .silu
            }
        }
    }

    private enum KLActivation: String, CaseIterable {
        case silu, swish
    }

    /// ## Easy to get wrong
    /// The class is the one of `model_index.json`; the file's own may be another, and only counts where the index has none.
    init(_ folder: ModelFolder) throws(ModelError) {
        let config = try folder.config("vae")
        let kind: Class
        if folder.index.has("vae") {
            let name = try folder.componentClass("vae")
            guard let known = Class(rawValue: name) else {
                let list = Class.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
                throw folder.index.refusal("vae", "the class '\(name)' is not supported; \(list) would be")
            }
            kind = known
        } else {
            kind = try config.choice("_class_name")
        }
        try config.require("shift_factor", isOneOf: [.integer(0), .number(0)], "shifted latents are not supported")
        switch kind {
        case .kl: self = .kl(try KL(config))
        case .tiny: self = .tiny(try Tiny(config))
        }
    }

    /// What the latents are divided by before they are decoded.
    var scalingFactor: Float {
        switch self {
        case .kl(let kl): kl.scalingFactor
        case .tiny(let tiny): tiny.scalingFactor
        }
    }

    /// Channels of the latents.
    var latentChannels: Int {
        switch self {
        case .kl(let kl): kl.latentChannels
        case .tiny(let tiny): tiny.latentChannels
        }
    }

    /// Pixels of the picture for each pixel of the latents, along a side.
    var factor: Int {
        switch self {
        case .kl(let kl): 1 << (kl.channels.count - 1)
        case .tiny(let tiny): 1 << (tiny.blocks.count - 1)
        }
    }

    fileprivate static func scalingFactor(_ config: Config, default fallback: Double) throws(ModelError) -> Float {
        let factor = try config.number("scaling_factor", default: fallback)
        guard factor > 0, factor.isFinite else { throw config.refusal("scaling_factor", "\(factor) is not positive") }
        return Float(factor)
    }

    fileprivate static func outputs(_ config: Config) throws(ModelError) -> Int {
        try config.integer("out_channels", default: 3, in: 3...3)
    }
}

extension DecoderConfiguration.KL {
    init(_ config: Config) throws(ModelError) {
        let _: DecoderConfiguration.KLActivation = try config.choice("act_fn", default: .silu)
        for field in ["latents_mean", "latents_std"] {
            try config.require(field, isOneOf: [], "normalized latents are not supported")
        }
        channels = try config.integers("block_out_channels", default: [64], in: 1...65_536)
        guard (1...8).contains(channels.count) else {
            throw config.refusal("block_out_channels", "it has \(channels.count) elements, not 1 to 8")
        }
        if config.has("up_block_types") {
            let types = try config.strings("up_block_types")
            guard types.count == channels.count else {
                throw config.refusal("up_block_types", "it has \(types.count) elements, not \(channels.count)")
            }
            for (index, type) in types.enumerated() where type != "UpDecoderBlock2D" {
                throw config.refusal(
                    "up_block_types[\(index)]", "the block '\(type)' is not supported; 'UpDecoderBlock2D' is")
            }
        }
        groups = try config.integer("norm_num_groups", default: 32, in: 1...65_536)
        for width in channels where !width.isMultiple(of: groups) {
            throw config.refusal("block_out_channels", "\(width) is not a multiple of norm_num_groups, \(groups)")
        }
        latentChannels = try config.integer("latent_channels", default: 4, in: 1...1024)
        outputs = try DecoderConfiguration.outputs(config)
        layers = try config.integer("layers_per_block", default: 1, in: 1...64)
        hasPostQuantConv = try config.bool("use_post_quant_conv", default: true)
        hasMidAttention = try config.bool("mid_block_add_attention", default: true)
        scalingFactor = try DecoderConfiguration.scalingFactor(config, default: 0.18215)
    }
}

extension DecoderConfiguration.Tiny {
    init(_ config: Config) throws(ModelError) {
        let name: DecoderConfiguration.TinyActivation = try config.choice("act_fn", default: .relu)
        activation = name.activation
        try config.require("upsample_fn", isOneOf: [.string("nearest")], "only 'nearest' is supported")
        try config.require("upsampling_scaling_factor", isOneOf: [.integer(2)], "only 2 is supported")
        blocks = try config.integers("num_decoder_blocks", default: [3, 3, 3, 1], in: 0...64)
        guard (1...8).contains(blocks.count) else {
            throw config.refusal("num_decoder_blocks", "it has \(blocks.count) elements, not 1 to 8")
        }
        let widths = try config.integers("decoder_block_out_channels", default: [64, 64, 64, 64], in: 1...65_536)
        guard widths.count == blocks.count else {
            throw config.refusal("decoder_block_out_channels", "it has \(widths.count) elements, not \(blocks.count)")
        }
        guard widths.allSatisfy({ $0 == widths[0] }) else {
            throw config.refusal("decoder_block_out_channels", "the levels differ, which this class does not connect")
        }
        channels = widths[0]
        latentChannels = try config.integer("latent_channels", default: 4, in: 1...1024)
        outputs = try DecoderConfiguration.outputs(config)
        scalingFactor = try DecoderConfiguration.scalingFactor(config, default: 1)
    }
}
