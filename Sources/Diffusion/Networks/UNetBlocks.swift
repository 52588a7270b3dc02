import Compute
import Models

/// A level on the way down; diffusers' `DownBlock2D` and `CrossAttnDownBlock2D`. Every layer's result is kept as a skip.
struct DownBlock {
    private let resnets: [ResnetBlock]
    private let attentions: [Transformer]
    private let downsampler: Downsampler?

    init(_ weights: Weights, _ config: UNetConfiguration, level: Int) throws(ModelError) {
        let here = config.levels[level]
        let inputs = level == 0 ? here.channels : config.levels[level - 1].channels
        resnets = try (0..<here.layers).map { layer throws(ModelError) in
            try ResnetBlock(
                weights["resnets", layer], inputs: layer == 0 ? inputs : here.channels, outputs: here.channels,
                timeChannels: config.timeChannels, groups: config.groups, epsilon: config.epsilon)
        }
        attentions = try here.downDepths.enumerated().map { layer, depth throws(ModelError) in
            try Transformer(weights["attentions", layer], here.transformer, depth: depth)
        }
        downsampler =
            level == config.levels.count - 1
            ? nil
            : try Downsampler(
                weights["downsamplers", 0], channels: here.channels, padding: config.downsamplePadding)
    }

    func callAsFunction(
        _ x: Tensor, _ skips: inout [Tensor], _ conditions: Conditions, _ evaluation: Evaluation
    ) -> Tensor {
        var x = x
        for (layer, resnet) in resnets.enumerated() {
            x = resnet([x], time: conditions.time, evaluation)
            if !attentions.isEmpty { x = attentions[layer](x, text: conditions.text, evaluation) }
            skips.append(x)
        }
        if let downsampler {
            x = downsampler(x, evaluation)
            skips.append(x)
        }
        return x
    }

    func remember(_ text: Tensor, in memory: inout TextMemory, _ evaluation: Evaluation) {
        for attention in attentions { attention.remember(text, in: &memory, evaluation) }
    }
}

/// The middle; diffusers' `UNetMidBlock2DCrossAttn`, or one resnet alone (its `UNetMidBlock2D` without layers).
struct MidBlock {
    private let first: ResnetBlock
    private let rest: [(attention: Transformer, resnet: ResnetBlock)]

    init(
        _ weights: Weights, _ config: UNetConfiguration, _ kind: UNetConfiguration.MidBlock
    ) throws(ModelError) {
        let channels = config.levels[config.levels.count - 1].channels
        func resnet(_ layer: Int) throws(ModelError) -> ResnetBlock {
            try ResnetBlock(
                weights["resnets", layer], inputs: channels, outputs: channels, timeChannels: config.timeChannels,
                groups: config.groups, epsilon: config.epsilon)
        }
        first = try resnet(0)
        guard kind == .crossAttention else {
            rest = []
            return
        }
        var dimensions = config.levels[config.levels.count - 1].transformer
        dimensions.onlyCrossAttention = false
        rest = [(try Transformer(weights["attentions", 0], dimensions, depth: config.midDepth), try resnet(1))]
    }

    func callAsFunction(_ x: Tensor, _ conditions: Conditions, _ evaluation: Evaluation) -> Tensor {
        var x = first([x], time: conditions.time, evaluation)
        for (attention, resnet) in rest {
            x = attention(x, text: conditions.text, evaluation)
            x = resnet([x], time: conditions.time, evaluation)
        }
        return x
    }

    func remember(_ text: Tensor, in memory: inout TextMemory, _ evaluation: Evaluation) {
        for (attention, _) in rest { attention.remember(text, in: &memory, evaluation) }
    }
}

/// A level on the way up; diffusers' `UpBlock2D` and `CrossAttnUpBlock2D`.
struct UpBlock {
    private let resnets: [ResnetBlock]
    private let attentions: [Transformer]
    private let upsampler: Upsampler?

    init(_ weights: Weights, _ config: UNetConfiguration, level: Int) throws(ModelError) {
        let here = config.levels[level]
        let count = here.layers + 1
        // From the level below (or the middle), and the last skip from the level above.
        let below = config.levels[min(level + 1, config.levels.count - 1)].channels
        let above = config.levels[max(level - 1, 0)].channels
        resnets = try (0..<count).map { layer throws(ModelError) in
            let skip = layer == count - 1 ? above : here.channels
            return try ResnetBlock(
                weights["resnets", layer], inputs: (layer == 0 ? below : here.channels) + skip, outputs: here.channels,
                timeChannels: config.timeChannels, groups: config.groups, epsilon: config.epsilon)
        }
        attentions = try here.upDepths.enumerated().map { layer, depth throws(ModelError) in
            try Transformer(weights["attentions", layer], here.transformer, depth: depth)
        }
        upsampler = level == 0 ? nil : try Upsampler(weights["upsamplers", 0], channels: here.channels, to: .anySize)
    }

    func callAsFunction(
        _ x: Tensor, _ skips: inout [Tensor], _ conditions: Conditions, _ evaluation: Evaluation
    ) -> Tensor {
        var x = x
        for (layer, resnet) in resnets.enumerated() {
            x = resnet([x, skips.removeLast()], time: conditions.time, evaluation)
            if !attentions.isEmpty { x = attentions[layer](x, text: conditions.text, evaluation) }
        }
        if let upsampler, let skip = skips.last {
            // An odd size was rounded up on the way down: go back to what the next skip has.
            x = upsampler(x, to: (skip.shape.h, skip.shape.w), evaluation)
        }
        return x
    }

    func remember(_ text: Tensor, in memory: inout TextMemory, _ evaluation: Evaluation) {
        for attention in attentions { attention.remember(text, in: &memory, evaluation) }
    }
}
