/// What the layers of a UNet were called before diffusers: the names of the latent-diffusion code, which kohya and ComfyUI write.
///
/// ```
/// input_blocks.0.0                        conv_in
/// input_blocks.I.0 (.op)   I.1            down_blocks.B.resnets.L (downsamplers.0.conv), attentions.L; I counts all of them, from 1
/// middle_block.0   .1   .2                mid_block.resnets.0, attentions.0, resnets.1
/// output_blocks.I.0   I.1   I.2 (.conv)   up_blocks.B.resnets.L, attentions.L, upsamplers.0.conv with the last of a block
/// out.0   out.2                           conv_norm_out, conv_out
/// time_embed.0   time_embed.2             time_embedding.linear_1, linear_2
/// ```
struct LDMNames {
    /// Of each block: its resnets, whether it has attentions, and whether it ends with a resampler.
    private struct Block {
        var resnets = 0
        var hasAttentions = false, resamples = false

        mutating func count(_ place: Place) {
            switch place.list {
            case "resnets": resnets = max(resnets, place.index + 1)
            case "attentions": hasAttentions = true
            default: resamples = true
            }
        }
    }

    private var down: [Int: Block] = [:], up: [Int: Block] = [:]

    private static let top = [
        "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
        "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
        "mid_block.resnets.0": "middle_block.0", "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
    ]
    private static let resnet = [
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
        "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    ]

    /// Counts the blocks of a UNet with these layers.
    init(_ layers: some Sequence<String>) {
        for layer in layers {
            guard let place = Place(layer) else { continue }
            if place.isDown {
                down[place.block, default: Block()].count(place)
            } else {
                up[place.block, default: Block()].count(place)
            }
        }
    }

    /// The old name of a layer; nil where it had none.
    func name(of layer: String) -> String? {
        for (prefix, old) in Self.top where layer == prefix || layer.hasPrefix("\(prefix).") {
            return old + Self.inner(layer.dropFirst(prefix.count))
        }
        guard let place = Place(layer) else { return nil }
        if place.isDown {
            let before = (0..<place.block).reduce(1) {
                $0 + (down[$1]?.resnets ?? 0) + (down[$1]?.resamples == true ? 1 : 0)
            }
            switch place.list {
            case "resnets": return "input_blocks.\(before + place.index).0" + Self.inner(place.rest)
            case "attentions": return "input_blocks.\(before + place.index).1" + place.rest
            default: return "input_blocks.\(before + (down[place.block]?.resnets ?? 0)).0.op"
            }
        }
        let before = (0..<place.block).reduce(0) { $0 + (up[$1]?.resnets ?? 0) }
        guard let block = up[place.block] else { return nil }
        switch place.list {
        case "resnets": return "output_blocks.\(before + place.index).0" + Self.inner(place.rest)
        case "attentions": return "output_blocks.\(before + place.index).1" + place.rest
        default: return "output_blocks.\(before + block.resnets - 1).\(block.hasAttentions ? 2 : 1)" + place.rest
        }
    }

    /// The old name of a part of a resnet; parts that are not listed had the same name.
    private static func inner(_ rest: Substring) -> String {
        resnet[String(rest.dropFirst())].map { ".\($0)" } ?? String(rest)
    }

    /// `down_blocks.B.LIST.I.REST`, or the same with `up_blocks`.
    private struct Place {
        let isDown: Bool
        let block: Int, index: Int
        let list: Substring, rest: Substring

        init?(_ layer: String) {
            let parts = layer.split(separator: ".", maxSplits: 4, omittingEmptySubsequences: false)
            guard parts.count == 5, parts[0] == "down_blocks" || parts[0] == "up_blocks", let block = Int(parts[1]),
                ["resnets", "attentions", "downsamplers", "upsamplers"].contains(parts[2]), let index = Int(parts[3])
            else { return nil }
            isDown = parts[0] == "down_blocks"
            (self.block, self.index, list) = (block, index, parts[2])
            rest = ".\(parts[4])"
        }
    }
}
