import Glibc
import Models

/// DPM-Solver++ (Lu et al., arXiv 2211.01095), multistep, of the second order unless the file asks for the first or third; diffusers' `DPMSolverMultistepScheduler`.
struct DPMSolverScheduler: Scheduler {
    let timesteps: [Float]
    let initialNoiseScale: Float = 1
    private let sigmas: [Float]
    private let prediction: PredictionType
    private let solver: SolverType
    private let order: Int
    private let endsWithFirstOrder: Bool
    private let endsWithSecondOrder: Bool
    /// The pictures that the last steps predicted, the latest first.
    private var lastPictures: [[Float]] = []

    private static let className = "DPMSolverMultistepScheduler"

    init(
        _ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, steps count: Int, usesKarrasSigmas: Bool
    ) throws(ModelError) {
        let config = configuration.config
        prediction = try config.choice("prediction_type", default: PredictionType.epsilon)
        try DPMSolverScheduler.refuseUnknown(configuration, prediction)
        // As diffusers does with the names of its other solvers.
        let aliases: [JSON] = [.string("logrho"), .string("bh1"), .string("bh2")]
        solver =
            aliases.contains(config.members["solver_type"] ?? .null)
            ? .midpoint : try config.choice("solver_type", default: .midpoint)
        order = try config.integer("solver_order", default: 2, in: 1...3)

        let table = noise.sigmas
        var times = try DPMSolverScheduler.times(configuration, noise, count)
        var levels: [Double]
        if usesKarrasSigmas {
            levels = try KarrasSigmas.spread(table.reversed().map(Double.init), count: count, config)
            let logarithms = table.map { Double(log($0)) }
            times = levels.map { level in
                let time = KarrasSigmas.timestep(of: level, in: logarithms)
                return noise.kind == .squaredCosine ? time.rounded(.towardZero) : time.rounded(.toNearestOrEven)
            }
        } else {
            levels = times.map { Timesteps.interpolate($0, in: table) }
        }
        let final: FinalSigma = try config.choice("final_sigmas_type", default: .zero)
        sigmas = levels.map { Float($0) } + [final == .zero ? 0 : table[0]]
        timesteps = times.map { Float($0) }
        endsWithSecondOrder = try config.bool("lower_order_final", default: true) && times.count < 15
        endsWithFirstOrder = try config.bool("euler_at_final", default: false) || endsWithSecondOrder || final == .zero
    }

    private static func times(
        _ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, _ count: Int
    ) throws(ModelError) -> [Double] {
        let config = configuration.config
        let bound = try config.number("lambda_min_clipped", default: -.infinity)
        // The noisiest timesteps, whose log signal-to-noise ratio is below the bound, are left out.
        let last = noise.count - noise.sigmas.count { Double(-log($0)) < bound }
        switch try config.choice("timestep_spacing", default: TimestepSpacing.linspace) {
        case .linspace:
            return Timesteps.line(to: Double(last - 1), count: count + 1).dropFirst().reversed()
                .map { $0.rounded(.toNearestOrEven) }
        case .leading:
            let offset = try configuration.stepsOffset(for: className)
            return Array(Timesteps.leading(count: count + 1, ratio: last / (count + 1), offset: offset).dropLast())
        case .trailing:
            return Timesteps.trailing(count: count, from: last, total: noise.count)
        }
    }

    private static func refuseUnknown(
        _ configuration: SchedulerConfiguration, _ prediction: PredictionType
    ) throws(ModelError) {
        try configuration.refuseThresholding()
        let config = configuration.config
        try config.require(
            "algorithm_type", isOneOf: [.string("dpmsolver++"), .string("deis")], "only 'dpmsolver++' is supported")
        try configuration.refuse(
            ["use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"],
            "these noise levels are not supported")
        // A network that predicts a variance beside the noise has twice as many outputs. Other values only say how to add noise.
        let learned: [JSON] = [.string("learned"), .string("learned_range")]
        if prediction == .epsilon, let type = config.members["variance_type"], learned.contains(type) {
            throw config.refusal("variance_type", "learned variances are not supported")
        }
    }

    func mixture(_ index: Int) -> (picture: Float, noise: Float) {
        let level = Level(sigmas[index])
        return (level.alpha, level.sigma)
    }

    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource) {
        let now = Level(sigmas[index]), next = Level(sigmas[index + 1])
        let picture = sample.indices.map { element in
            prediction.picture(in: sample[element], output: output[element], signal: now.alpha, spread: now.sigma)
        }
        let h = next.lambda - now.lambda
        let decay = exp(-h) - 1
        let sampleFactor = next.sigma / now.sigma
        let pictureFactor = next.alpha * decay
        let order = self.order(of: index)
        let slopeFactor =
            solver == .midpoint && order == 2 ? -0.5 * pictureFactor : next.alpha * (decay / h + 1)
        if order == 1 {
            for element in sample.indices {
                sample[element] = sampleFactor * sample[element] - pictureFactor * picture[element]
            }
        } else if order == 2 {
            let ratio = (now.lambda - Level(sigmas[index - 1]).lambda) / h
            for element in sample.indices {
                let slope = 1 / ratio * (picture[element] - lastPictures[0][element])
                sample[element] =
                    sampleFactor * sample[element] - pictureFactor * picture[element] + slopeFactor * slope
            }
        } else {
            let before = Level(sigmas[index - 1])
            let ratio = (now.lambda - before.lambda) / h
            let earlierRatio = (before.lambda - Level(sigmas[index - 2]).lambda) / h
            let bendFactor = next.alpha * ((decay + h) / (h * h) - 0.5)
            for element in sample.indices {
                let first = 1 / ratio * (picture[element] - lastPictures[0][element])
                let second = 1 / earlierRatio * (lastPictures[0][element] - lastPictures[1][element])
                let bend = 1 / (ratio + earlierRatio) * (first - second)
                let slope = first + ratio * bend
                sample[element] =
                    sampleFactor * sample[element] - pictureFactor * picture[element] + slopeFactor * slope
                    - bendFactor * bend
            }
        }
        lastPictures = [picture] + lastPictures.prefix(1)
    }

    /// The order of a step: no more than there are pictures, and less at the end.
    private func order(of index: Int) -> Int {
        let left = timesteps.count - index
        if left == 1, endsWithFirstOrder { return 1 }
        return min(order, lastPictures.count + 1, left == 2 && endsWithSecondOrder ? 2 : 3)
    }

    /// A noise level as the parts of picture and noise, and half their log ratio.
    private struct Level {
        let alpha: Float, sigma: Float, lambda: Float

        init(_ level: Float) {
            alpha = 1 / (level * level + 1).squareRoot()
            sigma = level * alpha
            lambda = log(alpha) - log(sigma)
        }
    }
}
