import Models

/// `unet/config.json`, resolved; what it leaves out is diffusers' `UNet2DConditionModel`.
///
/// ## Easy to get wrong
/// `attention_head_dim` is the number of heads, not their size: diffusers keeps the wrong name for old files.
struct UNetConfiguration {
    /// One level of the network, down and up.
    struct Level {
        let channels: Int
        let layers: Int
        let transformer: Transformer.Dimensions
        let downHasAttention: Bool
        let upHasAttention: Bool
    }

    /// What stands between the way down and the way up.
    enum MidBlock: String, CaseIterable {
        case crossAttention = "UNetMidBlock2DCrossAttn"
        case plain = "UNetMidBlock2D"
    }

    let levels: [Level]
    let midBlock: MidBlock?
    let inputs: Int, outputs: Int
    let groups: Int
    let epsilon: Double
    let timeChannels: Int
    /// Channels of the guidance scale's embedding; nil in most models.
    let conditionChannels: Int?
    let cosinesFirst: Bool
    let frequencyShift: Double
    let downsamplePadding: Int
    let inputKernel: Int, outputKernel: Int
    /// Channels of the text's embeddings.
    let contextChannels: Int
    /// Latent pixels that the model was trained for; nil when the file does not say.
    let sampleSize: (height: Int, width: Int)?

    /// Channels of each level.
    var channels: [Int] { levels.map(\.channels) }

    private enum DownBlock: String, CaseIterable {
        case plain = "DownBlock2D"
        case crossAttention = "CrossAttnDownBlock2D"
    }

    private enum UpBlock: String, CaseIterable {
        case plain = "UpBlock2D"
        case crossAttention = "CrossAttnUpBlock2D"
    }

    private enum Activation: String, CaseIterable {
        case silu, swish
    }

    init(_ config: Config) throws(ModelError) {
        try UNetConfiguration.refuseUnknown(config)
        let _: Activation = try config.choice("act_fn", default: .silu)
        inputs = try config.integer("in_channels", default: 4, in: 1...1024)
        outputs = try config.integer("out_channels", default: 4, in: 1...1024)
        groups = try config.integer("norm_num_groups", default: 32, in: 1...65_536)
        epsilon = try config.number("norm_eps", default: 1e-5)
        cosinesFirst = try config.bool("flip_sin_to_cos", default: true)
        frequencyShift = try config.number("freq_shift", default: 0)
        downsamplePadding = try config.integer("downsample_padding", default: 1, in: 0...1)
        inputKernel = try UNetConfiguration.kernel(config, "conv_in_kernel")
        outputKernel = try UNetConfiguration.kernel(config, "conv_out_kernel")
        conditionChannels =
            config.has("time_cond_proj_dim") ? try config.integer("time_cond_proj_dim", in: 4...65_536) : nil
        // Absent is the middle block of Stable Diffusion, null is none.
        midBlock =
            config.members["mid_block_type"] == .null
            ? nil : try config.choice("mid_block_type", default: .crossAttention)
        sampleSize = try UNetConfiguration.sampleSize(config)
        levels = try UNetConfiguration.levels(config, groups: groups)
        contextChannels = levels[0].transformer.contextChannels
        timeChannels = try config.integer("time_embedding_dim", default: levels[0].channels * 4)
    }

    private static func kernel(_ config: Config, _ field: String) throws(ModelError) -> Int {
        let size = try config.integer(field, default: 3, in: 1...7)
        guard size % 2 == 1 else { throw config.refusal(field, "\(size) is not odd") }
        return size
    }

    private static func sampleSize(_ config: Config) throws(ModelError) -> (height: Int, width: Int)? {
        guard config.has("sample_size") else { return nil }
        let sizes = try config.integers("sample_size", count: 2, in: 1...65_536)
        return (sizes[0], sizes[1])
    }

    private static func levels(_ config: Config, groups: Int) throws(ModelError) -> [Level] {
        let standardDown: [DownBlock] = [.crossAttention, .crossAttention, .crossAttention, .plain]
        let standardUp: [UpBlock] = [.plain, .crossAttention, .crossAttention, .crossAttention]
        let down = try blocks(config, "down_block_types", standardDown)
        let up = try blocks(config, "up_block_types", standardUp)
        let channels = try config.integers("block_out_channels", default: [320, 640, 1280, 1280], in: 1...65_536)
        let count = channels.count
        guard count > 0 else { throw config.refusal("block_out_channels", "it is empty") }
        for (field, found) in [("down_block_types", down.count), ("up_block_types", up.count)] where found != count {
            throw config.refusal(field, "it has \(found) elements, block_out_channels has \(count)")
        }
        for width in channels where !width.isMultiple(of: groups) {
            throw config.refusal("block_out_channels", "\(width) is not a multiple of norm_num_groups, \(groups)")
        }
        let layers = try config.integers("layers_per_block", count: count, default: 2, in: 1...64)
        let depths = try config.integers("transformer_layers_per_block", count: count, default: 1, in: 1...64)
        let heads = try config.integers("attention_head_dim", count: count, default: 8, in: 1...4096)
        let contexts = try config.integers("cross_attention_dim", count: count, default: 1280, in: 1...65_536)
        guard contexts.allSatisfy({ $0 == contexts[0] }) else {
            throw config.refusal("cross_attention_dim", "the levels differ, and there is one text encoder")
        }
        let onlyCross = try config.bools("only_cross_attention", count: count, default: false)
        for level in 0..<count where !channels[level].isMultiple(of: heads[level]) {
            throw config.refusal(
                "attention_head_dim",
                "it is the number of heads, and \(heads[level]) do not divide \(channels[level]) channels")
        }
        return (0..<count).map { level in
            Level(
                channels: channels[level], layers: layers[level],
                transformer: Transformer.Dimensions(
                    channels: channels[level], heads: heads[level], layers: depths[level],
                    contextChannels: contexts[level], groups: groups, onlyCrossAttention: onlyCross[level]),
                downHasAttention: down[level] == .crossAttention,
                upHasAttention: up[count - 1 - level] == .crossAttention)
        }
    }

    private static func blocks<Block: RawRepresentable<String> & CaseIterable>(
        _ config: Config, _ field: String, _ standard: [Block]
    ) throws(ModelError) -> [Block] {
        guard config.has(field) else { return standard }
        var blocks: [Block] = []
        for (index, name) in try config.strings(field).enumerated() {
            guard let block = Block(rawValue: name) else {
                let known = Block.allCases.map { "'\($0.rawValue)'" }.joined(separator: " and ")
                throw config.refusal("\(field)[\(index)]", "the block '\(name)' is not supported; \(known) are")
            }
            blocks.append(block)
        }
        return blocks
    }

    /// Refuses what would change the result and is not implemented.
    private static func refuseUnknown(_ config: Config) throws(ModelError) {
        for field in [
            "num_attention_heads", "class_embed_type", "addition_embed_type", "encoder_hid_dim", "encoder_hid_dim_type",
            "num_class_embeds", "time_embedding_act_fn", "timestep_post_act", "cross_attention_norm",
            "reverse_transformer_layers_per_block",
        ] {
            try config.require(field, isOneOf: [], "this part of UNet2DConditionModel is not supported")
        }
        for field in [
            "center_input_sample", "dual_cross_attention", "resnet_skip_time_act", "class_embeddings_concat",
        ] {
            try config.require(field, isOneOf: [.bool(false)], "this part of UNet2DConditionModel is not supported")
        }
        for field in ["mid_block_scale_factor", "resnet_out_scale_factor"] {
            try config.require(field, isOneOf: [.integer(1), .number(1)], "only 1 is supported")
        }
        for field in ["resnet_time_scale_shift", "attention_type"] {
            try config.require(field, isOneOf: [.string("default")], "only 'default' is supported")
        }
        try config.require("time_embedding_type", isOneOf: [.string("positional")], "only 'positional' is supported")
    }
}
