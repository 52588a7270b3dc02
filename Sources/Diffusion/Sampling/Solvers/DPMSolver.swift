import Glibc
import Models

/// DPM-Solver++ (Lu et al., arXiv 2211.01095), multistep, of the second order unless the file asks for the first or third; diffusers'
/// `DPMSolverMultistepScheduler`. The history has the pictures that the last steps predicted.
struct DPMSolver: Solver {
    private var order = 2
    private var slope = Slope.midpoint
    private var endsWithFirstOrder = false
    private var endsWithSecondOrder = false

    /// The second-order solvers' two ways to estimate the slope.
    private enum Slope: String, CaseIterable {
        case midpoint, heun
    }

    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        let config = setup.config
        try DPMSolver.refuseUnknown(config, setup.parameterization)
        // As diffusers does with the names of its other solvers.
        let aliases: [JSON] = [.string("logrho"), .string("bh1"), .string("bh2")]
        if !aliases.contains(config.members["solver_type"] ?? .null) {
            slope = try config.choice("solver_type", default: .midpoint)
        }
        order = try config.integer("solver_order", default: 2, in: 1...3)
        let endsAtZero = try config.choice("final_sigmas_type", default: FinalSigma.zero) == .zero
        endsWithSecondOrder = try config.bool("lower_order_final", default: true) && schedule.timesteps.count < 15
        endsWithFirstOrder = try config.bool("euler_at_final", default: false) || endsWithSecondOrder || endsAtZero
    }

    private static func refuseUnknown(_ config: Config, _ parameterization: Parameterization) throws(ModelError) {
        try config.refuse(["thresholding"], "dynamic thresholding is not for latents")
        try config.require(
            "algorithm_type", isOneOf: [.string("dpmsolver++"), .string("deis")], "only 'dpmsolver++' is supported")
        // A network that predicts a variance beside the noise has twice as many outputs. Other values only say how to add noise.
        let learned: [JSON] = [.string("learned"), .string("learned_range")]
        if parameterization == .epsilon, let type = config.members["variance_type"], learned.contains(type) {
            throw config.refusal("variance_type", "learned variances are not supported")
        }
    }

    mutating func archive(_ archive: inout Archive) {
        archive(&order)
        archive.choice(&slope)
        archive(&endsWithFirstOrder)
        archive(&endsWithSecondOrder)
    }

    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool {
        (1...3).contains(order)
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let (sample, index, levels) = (prediction.sample, prediction.index, prediction.schedule.levels)
        let now = LogLevel(prediction.level), next = LogLevel(prediction.next)
        let picture = sample.indices.map(prediction.picture)
        let last = history.latest
        let order = order(stepsLeft: levels.count - index, pictures: last.count)
        history.latest = [picture] + last.prefix(1)

        let h = next.lambda - now.lambda
        let decay = exp(-h) - 1
        let sampleFactor = next.sigma / now.sigma
        let pictureFactor = next.alpha * decay
        let slopeFactor = slope == .midpoint && order == 2 ? -0.5 * pictureFactor : next.alpha * (decay / h + 1)
        if order == 1 { return sample.indices.map { sampleFactor * sample[$0] - pictureFactor * picture[$0] } }

        let before = LogLevel(levels[index - 1])
        let ratio = (now.lambda - before.lambda) / h
        if order == 2 {
            return sample.indices.map { element in
                let slope = 1 / ratio * (picture[element] - last[0][element])
                return sampleFactor * sample[element] - pictureFactor * picture[element] + slopeFactor * slope
            }
        }
        let earlierRatio = (before.lambda - LogLevel(levels[index - 2]).lambda) / h
        let bendFactor = next.alpha * ((decay + h) / (h * h) - 0.5)
        return sample.indices.map { element in
            let first = 1 / ratio * (picture[element] - last[0][element])
            let second = 1 / earlierRatio * (last[0][element] - last[1][element])
            let bend = 1 / (ratio + earlierRatio) * (first - second)
            let slope = first + ratio * bend
            return sampleFactor * sample[element] - pictureFactor * picture[element] + slopeFactor * slope
                - bendFactor * bend
        }
    }

    /// The order of a step: no more than there are pictures, and less at the end.
    private func order(stepsLeft: Int, pictures: Int) -> Int {
        if stepsLeft == 1, endsWithFirstOrder { return 1 }
        return min(order, pictures + 1, stepsLeft == 2 && endsWithSecondOrder ? 2 : 3)
    }
}
