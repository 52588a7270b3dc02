import Glibc
import Models

/// Euler's method over noise levels (Karras et al., arXiv 2206.00364, algorithm 2): diffusers' `EulerDiscreteScheduler`
/// without churn, and `EulerAncestralDiscreteScheduler`, which goes below the next level and adds fresh noise.
struct EulerScheduler: Scheduler {
    let timesteps: [Float]
    let initialNoiseScale: Float
    private let sigmas: [Float]
    private let prediction: PredictionType
    private let isAncestral: Bool

    init(
        _ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, steps count: Int, isAncestral: Bool
    ) throws(ModelError) {
        let config = configuration.config
        self.isAncestral = isAncestral
        // An old name, which only this class of diffusers still knows.
        let isOfOldName = !isAncestral && config.members["prediction_type"] == .string("original_sample")
        prediction = try isOfOldName ? .sample : config.choice("prediction_type", default: .epsilon)
        guard !isAncestral || prediction != .sample else {
            throw config.refusal("prediction_type", "'sample' has no ancestral sampler")
        }
        let spacing: TimestepSpacing = try config.choice("timestep_spacing", default: .linspace)
        var times: [Double]
        switch spacing {
        case .linspace:
            times = Timesteps.line(to: Double(noise.count - 1), count: count).reversed().map { Double(Float($0)) }
        case .leading:
            let name = isAncestral ? "EulerAncestralDiscreteScheduler" : "EulerDiscreteScheduler"
            let offset = try configuration.stepsOffset(for: name)
            times = Timesteps.leading(count: count, ratio: noise.count / count, offset: offset)
        case .trailing:
            times = Timesteps.trailing(count: count, from: noise.count, total: noise.count)
        }
        let table = noise.sigmas
        var levels = times.map { Timesteps.interpolate($0, in: table) }
        var last: Float = 0
        var isContinuous = false
        if !isAncestral {
            try EulerScheduler.refuseUnknown(configuration)
            let type: TimestepType = try config.choice("timestep_type", default: .discrete)
            isContinuous = type == .continuous && prediction == .velocity
            if try config.bool("use_karras_sigmas", default: false) {
                levels = try KarrasSigmas.spread(levels, count: levels.count, config)
                let logarithms = table.map { Double(log($0)) }
                times = levels.map { KarrasSigmas.timestep(of: $0, in: logarithms) }
            }
            if try config.choice("final_sigmas_type", default: FinalSigma.zero) == .minimum { last = table[0] }
        }
        sigmas = levels.map { Float($0) } + [last]
        timesteps = isContinuous ? levels.map { 0.25 * log(Float($0)) } : times.map { Float($0) }
        let highest = sigmas.max() ?? 0
        initialNoiseScale = spacing == .leading ? (highest * highest + 1).squareRoot() : highest
    }

    private static func refuseUnknown(_ configuration: SchedulerConfiguration) throws(ModelError) {
        try configuration.refuse(["use_exponential_sigmas", "use_beta_sigmas"], "these noise levels are not supported")
        try configuration.config.require(
            "interpolation_type", isOneOf: [.string("linear")], "only 'linear' is supported")
    }

    func inputDivisor(_ index: Int) -> Float { (sigmas[index] * sigmas[index] + 1).squareRoot() }

    func mixture(_ index: Int) -> (picture: Float, noise: Float) { (1, sigmas[index]) }

    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource) {
        let sigma = sigmas[index], next = sigmas[index + 1]
        var target = next, added: Float = 0
        if isAncestral {
            added = (next * next * (sigma * sigma - next * next) / (sigma * sigma)).squareRoot()
            target = (next * next - added * added).squareRoot()
        }
        let change = target - sigma
        let variance = sigma * sigma + 1
        let outputFactor = -sigma / variance.squareRoot()
        for element in sample.indices {
            let (x, y) = (sample[element], output[element])
            let picture =
                switch prediction {
                case .epsilon: x - sigma * y
                case .velocity: y * outputFactor + x / variance
                case .sample: y
                }
            sample[element] = x + (x - picture) / sigma * change
        }
        guard isAncestral else { return }
        let noise = random.normals(sample.count)
        for element in sample.indices { sample[element] += noise[element] * added }
    }
}
