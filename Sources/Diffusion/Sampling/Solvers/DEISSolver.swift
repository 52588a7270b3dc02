import Glibc
import Models

/// DEIS (Zhang and Chen, arXiv 2204.13902), its variant over log rho, of the second order unless the file asks for another; diffusers'
/// `DEISMultistepScheduler`. The history has the noise that the last steps predicted.
struct DEISSolver: Solver {
    private var order = 2
    private var endsWithLowerOrder = false

    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        let config = setup.config
        try config.refuse(["thresholding"], "dynamic thresholding is not for latents")
        // diffusers puts its own name in the place of its other solvers' names.
        try config.require(
            "algorithm_type", isOneOf: ["deis", "dpmsolver", "dpmsolver++"].map(JSON.string), "only 'deis' is supported"
        )
        try config.require(
            "solver_type", isOneOf: ["logrho", "midpoint", "heun", "bh1", "bh2"].map(JSON.string),
            "only 'logrho' is supported")
        order = try config.integer("solver_order", default: 2, in: 1...3)
        endsWithLowerOrder = try config.bool("lower_order_final", default: true) && schedule.levels.count < 15
        // The class knows no other end than the least noise of all, with Karras' levels that of the last step.
        let usesKarrasSigmas = try config.bool("use_karras_sigmas", default: false)
        schedule.ends[schedule.ends.count - 1] =
            usesKarrasSigmas ? schedule.levels[schedule.levels.count - 1] : setup.noise.sigmas[0]
    }

    mutating func archive(_ archive: inout Archive) {
        archive(&order)
        archive(&endsWithLowerOrder)
    }

    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool {
        (1...3).contains(order) && history.latest.count == min(history.steps, order)
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let (sample, index, levels) = (prediction.sample, prediction.index, prediction.schedule.levels)
        let now = LogLevel(prediction.level), next = LogLevel(prediction.next)
        // By way of the picture, as there.
        let noise = sample.indices.map { (sample[$0] - now.alpha * prediction.picture($0)) / now.sigma }
        history.latest = [noise] + history.latest.prefix(order - 1)
        let left = levels.count - index
        let most = endsWithLowerOrder && left < 3 ? left : 3
        let order = min(self.order, history.latest.count, most)
        if order == 1 {
            let (keep, change) = (next.alpha / now.alpha, next.sigma * (exp(next.lambda - now.lambda) - 1))
            return sample.indices.map { keep * sample[$0] - change * noise[$0] }
        }
        let last = history.latest
        let rhos = (0..<order).map { levels[index - $0] }, end = prediction.next
        let weights = (0..<order).map { Self.integral($0, rhos, to: end) - Self.integral($0, rhos, to: rhos[0]) }
        return sample.indices.map { element in
            var sum = sample[element] / now.alpha
            for (weight, noise) in zip(weights, last) { sum += weight * noise[element] }
            return next.alpha * sum
        }
    }

    /// The integral up to `end`, over the level, of Lagrange's polynomial in its logarithm that is 1 at `rhos[number]` and 0 at the
    /// others.
    private static func integral(_ number: Int, _ rhos: [Float], to end: Float) -> Float {
        let logarithm = log(end), own = log(rhos[number])
        let others = rhos.indices.filter { $0 != number }.map { log(rhos[$0]) }
        if others.count == 1 { return end * (-others[0] + logarithm - 1) / (own - others[0]) }
        let (c, d) = (others[0], others[1])
        let numerator =
            c * (d - logarithm + 1) - d * logarithm + d + logarithm * logarithm - 2 * logarithm + 2
        return end * numerator / ((own - c) * (own - d))
    }
}
