import Models

/// A UNet's levels, as the names and shapes of its tensors in the original layout tell them.
struct UNetShape {
    struct Level {
        var channels: Int
        /// Transformer blocks after each layer; 0 where there is no transformer.
        var depths: [Int] = []
    }

    var levels: [Level] = []
    /// Of the way up, from the lowest level.
    var upDepths: [[Int]] = []
    /// Transformer blocks in the middle; nil where it has no transformer.
    var middleDepth: Int?
    private let hasMiddle: Bool
    private let contextChannels: Int
    private let conditionChannels: Int?
    private let additionInputs: Int?
    private let linearProjections: Bool

    init(_ archive: TensorArchive, _ prefix: String) {
        var depths: [String: Int] = [:]
        for name in archive.names where name.hasPrefix(prefix) {
            let parts = name.dropFirst(prefix.count).split(separator: ".")
            guard let index = parts.firstIndex(of: "transformer_blocks"), index + 1 < parts.count,
                let number = Int(parts[index + 1])
            else { continue }
            let place = parts[..<index].joined(separator: ".")
            depths[place] = max(depths[place] ?? 0, number + 1)
        }
        func channels(_ place: String) -> Int? { archive["\(prefix)\(place).0.out_layers.3.weight"]?.shape.first }
        var block = 1
        while true {
            if let width = channels("input_blocks.\(block)") {
                if levels.isEmpty || levels[levels.count - 1].channels == 0 {
                    if !levels.isEmpty { levels.removeLast() }
                    levels.append(Level(channels: width))
                }
                levels[levels.count - 1].depths.append(depths["input_blocks.\(block).1"] ?? 0)
            } else if archive["\(prefix)input_blocks.\(block).0.op.weight"] != nil {
                levels.append(Level(channels: 0))
            } else {
                break
            }
            block += 1
        }
        block = 0
        for level in levels.reversed() {
            let layers = level.depths.count + 1
            upDepths.append((block..<block + layers).map { depths["output_blocks.\($0).1"] ?? 0 })
            block += layers
        }
        hasMiddle = channels("middle_block.0") != nil || archive["\(prefix)middle_block.0.in_layers.0.weight"] != nil
        middleDepth = depths["middle_block.1"]
        contextChannels = UNetShape.contextChannels(archive, prefix) ?? 0
        conditionChannels = archive["\(prefix)time_embed.cond_proj.weight"]?.shape.last
        additionInputs = archive["\(prefix)label_emb.0.0.weight"]?.shape.last
        linearProjections = archive["\(prefix)middle_block.1.proj_in.weight"]?.shape.count == 2
    }

    /// Channels of the text that it attends to; nil where it attends to none.
    static func contextChannels(_ archive: TensorArchive, _ prefix: String) -> Int? {
        let name = archive.names.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".attn2.to_k.weight") }.min()
        return name.flatMap { archive[$0]?.shape.last }
    }

    /// `unet/config.json`.
    func config(_ path: String, _ kind: SingleFile.Kind) -> Config {
        func blocks(_ attends: [Bool], _ direction: String) -> JSON {
            .array(attends.map { .string($0 ? "CrossAttn\(direction)Block2D" : "\(direction)Block2D") })
        }
        let attends = levels.map { $0.depths.contains { $0 > 0 } }
        let widths = levels.map(\.channels)
        // Stable Diffusion 1 has eight heads everywhere; later ones have heads of 64 channels.
        let heads = widths.map { kind == .one ? 8 : max($0 / 64, 1) }
        var members: [String: JSON] = [
            "block_out_channels": .array(widths.map(JSON.integer)),
            "down_block_types": blocks(attends, "Down"),
            "up_block_types": blocks(upDepths.map { $0.contains { $0 > 0 } }, "Up"),
            "layers_per_block": .array(levels.map { .integer($0.depths.count) }),
            "attention_head_dim": .array(heads.map(JSON.integer)), "cross_attention_dim": .integer(contextChannels),
            "use_linear_projection": .bool(linearProjections),
            "transformer_layers_per_block": .array(levels.map { .array($0.depths.map { .integer(max($0, 1)) }) }),
            "reverse_transformer_layers_per_block": .array(
                upDepths.map { .array($0.map { .integer(max($0, 1)) }) }),
            "sample_size": .integer(kind == .xl ? 128 : kind == .two ? 96 : 64),
            "mid_block_type": !hasMiddle
                ? .null : .string(middleDepth == nil ? "UNetMidBlock2D" : "UNetMidBlock2DCrossAttn"),
        ]
        if let conditionChannels { members["time_cond_proj_dim"] = .integer(conditionChannels) }
        if let additionInputs {
            members["addition_embed_type"] = .string("text_time")
            members["addition_time_embed_dim"] = .integer(256)
            members["projection_class_embeddings_input_dim"] = .integer(additionInputs)
        }
        return Config(file: path, members: members)
    }
}
