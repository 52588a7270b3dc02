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
        /// Of its transformers; how many blocks each one has is said beside.
        let transformer: Transformer.Dimensions
        /// Transformer blocks after each layer on the way down; none where the level does not attend to the text.
        let downDepths: [Int]
        /// The same on the way up, which has a layer more.
        let upDepths: [Int]
    }

    /// What is added to the embedding of every timestep.
    struct Addition {
        /// Channels of a text as a whole and of the picture's sizes, together.
        let inputs: Int
        /// Channels of one size's waves.
        let sizeChannels: Int
        let cosinesFirst: Bool
        let frequencyShift: Double
    }

    /// What stands between the way down and the way up.
    enum MidBlock: String, CaseIterable {
        case crossAttention = "UNetMidBlock2DCrossAttn"
        case plain = "UNetMidBlock2D"
    }

    let levels: [Level]
    let midBlock: MidBlock?
    /// Transformer blocks in the middle.
    let midDepth: Int
    let inputs: Int, outputs: Int
    let groups: Int
    let epsilon: Double
    let timeChannels: Int
    /// Channels of the guidance scale's embedding; nil in most models.
    let conditionChannels: Int?
    /// Nil in models that add nothing.
    let addition: Addition?
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
        addition = try UNetConfiguration.addition(config, cosinesFirst, frequencyShift)
        (levels, midDepth) = try UNetConfiguration.levels(config, groups: groups)
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

    private static func addition(
        _ config: Config, _ cosinesFirst: Bool, _ frequencyShift: Double
    ) throws(ModelError) -> Addition? {
        guard config.has("addition_embed_type") else { return nil }
        try config.require("addition_embed_type", isOneOf: [.string("text_time")], "only 'text_time' is supported")
        return Addition(
            inputs: try config.integer("projection_class_embeddings_input_dim"),
            sizeChannels: try config.integer("addition_time_embed_dim", in: 2...65_536), cosinesFirst: cosinesFirst,
            frequencyShift: frequencyShift)
    }

    /// Transformer blocks after each layer of each level: a number for all levels, or for each level a number or a list.
    private static func depths(
        _ config: Config, _ field: String, _ layers: [Int], default fallback: Int?
    ) throws(ModelError) -> [[Int]] {
        guard case .array(let elements)? = config.members[field] else {
            let depth = try config.integer(field, default: fallback, in: 1...64)
            return layers.map { Array(repeating: depth, count: $0) }
        }
        guard elements.count == layers.count else {
            throw config.refusal(field, "it has \(elements.count) elements, not \(layers.count)")
        }
        var depths: [[Int]] = []
        for (level, element) in elements.enumerated() {
            let inner = Config(file: config.file, members: ["\(field)[\(level)]": element])
            depths.append(try inner.integers("\(field)[\(level)]", count: layers[level], in: 0...64))
        }
        return depths
    }

    private static func levels(_ config: Config, groups: Int) throws(ModelError) -> ([Level], midDepth: Int) {
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
        let depths = try depths(config, "transformer_layers_per_block", layers, default: 1)
        let upDepths = try upDepths(config, depths, layers)
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
        let levels = (0..<count).map { level in
            Level(
                channels: channels[level], layers: layers[level],
                transformer: Transformer.Dimensions(
                    channels: channels[level], heads: heads[level], contextChannels: contexts[level], groups: groups,
                    onlyCrossAttention: onlyCross[level]),
                downDepths: down[level] == .crossAttention ? depths[level] : [],
                upDepths: up[count - 1 - level] == .crossAttention ? upDepths[level] : [])
        }
        return (levels, depths[count - 1][0])
    }

    /// The depths on the way up, by level. A file in which the layers of a level differ says them in a list of its own, in the order in
    /// which the way up passes the levels.
    private static func upDepths(
        _ config: Config, _ depths: [[Int]], _ layers: [Int]
    ) throws(ModelError) -> [[Int]] {
        let field = "reverse_transformer_layers_per_block"
        if config.has(field) {
            return try self.depths(config, field, layers.reversed().map { $0 + 1 }, default: nil).reversed()
        }
        if case .array(let elements)? = config.members["transformer_layers_per_block"],
            elements.contains(where: { if case .array = $0 { true } else { false } })
        {
            throw config.refusal(field, "it is missing beside lists in transformer_layers_per_block")
        }
        return zip(depths, layers).map { depths, layers in Array(repeating: depths[0], count: layers + 1) }
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
            "num_attention_heads", "class_embed_type", "encoder_hid_dim", "encoder_hid_dim_type",
            "num_class_embeds", "time_embedding_act_fn", "timestep_post_act", "cross_attention_norm",
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
