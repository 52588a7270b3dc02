import Models

/// What the parts of a Stable Diffusion are called in the one file in which they were first published (CompVis' and Stability's code),
/// for each name that diffusers and transformers give them.
///
/// ```
/// model.diffusion_model.      input_blocks.I.J   middle_block.I   output_blocks.I.J   time_embed.I   label_emb.0.I   out.I
/// first_stage_model.          encoder.down.L.block.I   decoder.up.L.block.I   mid.block_I   mid.attn_1   nin_shortcut
/// cond_stage_model. or        transformer.text_model.…                             CLIP as transformers has it
/// conditioner.embedders.N.    model.transformer.resblocks.N.attn.in_proj_weight    CLIP as open_clip has it
/// ```
enum OriginalNames {
    /// The names of a UNet's layers: theirs for ours.
    ///
    /// - Parameter attends: for each level of the way down, whether it has transformers; the way up has them at the same levels.
    static func unet(layersPerBlock: [Int], attends: [Bool], hasMiddleAttention: Bool) -> PrefixMap {
        let levels = layersPerBlock.count
        var map = PrefixMap()
        map["input_blocks.0.0"] = "conv_in"
        map["time_embed.0"] = "time_embedding.linear_1"
        map["time_embed.2"] = "time_embedding.linear_2"
        map["label_emb.0.0"] = "add_embedding.linear_1"
        map["label_emb.0.2"] = "add_embedding.linear_2"
        map["out.0"] = "conv_norm_out"
        map["out.2"] = "conv_out"
        map["middle_block.0"] = "mid_block.resnets.0"
        if hasMiddleAttention {
            map["middle_block.1"] = "mid_block.attentions.0"
            map["middle_block.2"] = "mid_block.resnets.1"
        }
        var block = 1
        for level in 0..<levels {
            for layer in 0..<layersPerBlock[level] {
                map["input_blocks.\(block).0"] = "down_blocks.\(level).resnets.\(layer)"
                map["input_blocks.\(block).1"] = "down_blocks.\(level).attentions.\(layer)"
                block += 1
            }
            map["input_blocks.\(block).0.op"] = "down_blocks.\(level).downsamplers.0.conv"
            if level < levels - 1 { block += 1 }
        }
        block = 0
        for index in 0..<levels {
            let level = levels - 1 - index
            for layer in 0...layersPerBlock[level] {
                map["output_blocks.\(block).0"] = "up_blocks.\(index).resnets.\(layer)"
                if attends[level] { map["output_blocks.\(block).1"] = "up_blocks.\(index).attentions.\(layer)" }
                if layer == layersPerBlock[level], index < levels - 1 {
                    map["output_blocks.\(block).\(attends[level] ? 2 : 1).conv"] =
                        "up_blocks.\(index).upsamplers.0.conv"
                }
                block += 1
            }
        }
        return map
    }

    /// What a residual block of a UNet calls its layers.
    static let resnet: [(String, String)] = [
        ("in_layers.0.", "norm1."), ("in_layers.2.", "conv1."), ("emb_layers.1.", "time_emb_proj."),
        ("out_layers.0.", "norm2."), ("out_layers.3.", "conv2."), ("skip_connection.", "conv_shortcut."),
    ]

    /// An autoencoder's tensor.
    ///
    /// - Parameter levels: of the decoder, which counts them from the picture's side.
    static func autoencoder(_ name: Substring, levels: Int) -> String? {
        var parts = name.split(separator: ".").map(String.init)
        guard parts.count > 1 else { return nil }
        if ["encoder", "decoder"].contains(parts[0]) {
            switch parts[1] {
            case "down", "up":
                guard parts.count > 4, let level = Int(parts[2]) else { return nil }
                let isUp = parts[1] == "up"
                let head = [parts[0], "\(parts[1])_blocks", "\(isUp ? levels - 1 - level : level)"]
                switch parts[3] {
                case "block": parts = head + ["resnets"] + parts[4...]
                case "downsample": parts = head + ["downsamplers", "0"] + parts[4...]
                case "upsample": parts = head + ["upsamplers", "0"] + parts[4...]
                default: return nil
                }
            case "mid":
                guard parts.count > 3 else { return nil }
                switch parts[2] {
                case "block_1": parts.replaceSubrange(1...2, with: ["mid_block", "resnets", "0"])
                case "block_2": parts.replaceSubrange(1...2, with: ["mid_block", "resnets", "1"])
                case "attn_1":
                    parts.replaceSubrange(1...2, with: ["mid_block", "attentions", "0"])
                    parts[4] = attention[parts[4]] ?? parts[4]
                default: return nil
                }
            case "norm_out": parts[1] = "conv_norm_out"
            default: break
            }
        }
        return parts.joined(separator: ".").replacing("nin_shortcut", with: "conv_shortcut")
    }

    private static let attention = [
        "norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0",
    ]

    /// A tensor of an open_clip text model; nil for what a text-to-image model does not use. Queries, keys and values are one tensor
    /// there, and the projection is stored the other way round: `Part` says what to take.
    static func openCLIP(_ name: Substring) -> [(name: String, part: Part)] {
        switch name {
        case "positional_embedding": return [("text_model.embeddings.position_embedding.weight", .whole)]
        case "token_embedding.weight": return [("text_model.embeddings.token_embedding.weight", .whole)]
        case "ln_final.weight": return [("text_model.final_layer_norm.weight", .whole)]
        case "ln_final.bias": return [("text_model.final_layer_norm.bias", .whole)]
        case "text_projection": return [("text_projection.weight", .transposed)]
        case "text_projection.weight": return [("text_projection.weight", .whole)]
        default: break
        }
        let layers = "transformer.resblocks."
        guard name.hasPrefix(layers) else { return [] }
        let rest = name.dropFirst(layers.count)
        guard let dot = rest.firstIndex(of: ".") else { return [] }
        let layer = "text_model.encoder.layers.\(rest[..<dot])", inner = rest[dot...].dropFirst()
        for (prefix, suffix) in [("attn.in_proj_weight", "weight"), ("attn.in_proj_bias", "bias")] where inner == prefix
        {
            return ["q_proj", "k_proj", "v_proj"].enumerated().map { index, projection in
                ("\(layer).self_attn.\(projection).\(suffix)", .rows(index, of: 3))
            }
        }
        let names = [
            ("attn.out_proj.", "self_attn.out_proj."), ("ln_1.", "layer_norm1."), ("ln_2.", "layer_norm2."),
            ("mlp.c_fc.", "mlp.fc1."), ("mlp.c_proj.", "mlp.fc2."),
        ]
        guard let (old, new) = names.first(where: { inner.hasPrefix($0.0) }) else { return [] }
        return [("\(layer).\(new)\(inner.dropFirst(old.count))", .whole)]
    }

    /// What a tensor is made of.
    enum Part {
        case whole
        /// One of so many equal parts of the rows.
        case rows(Int, of: Int)
        /// Columns as rows.
        case transposed
    }
}

/// Names by the longest prefix, whole parts between dots, that stands for something else.
struct PrefixMap {
    private var names: [String: String] = [:]

    subscript(_ prefix: String) -> String? {
        get { names[prefix] }
        set { names[prefix] = newValue }
    }

    /// What stands for a name's longest known prefix, and what follows it, with its dot; nil where none is known.
    func split(_ name: Substring) -> (String, Substring)? {
        var end = name.endIndex
        while let dot = name[..<end].lastIndex(of: ".") {
            if let found = names[String(name[..<dot])] { return (found, name[dot...]) }
            end = dot
        }
        return nil
    }
}
