import Glibc
import Models

/// UniPC (Zhao et al., arXiv 2302.04867), of the second order unless the file asks for another: a predictor, and a corrector that makes
/// the last step better with the evaluation which the next one needs anyway; diffusers' `UniPCMultistepScheduler`. The history has the
/// outputs of the last steps, as pictures or noise, and the sample that the last step began with.
struct UniPCSolver: Solver {
    private var order = 2
    private var kind = Kind.exponential
    private var predictsPicture = true
    private var endsWithLowerOrder = true
    /// Steps that are not corrected, by their numbers in the whole schedule.
    private var uncorrected: [Float] = []

    /// The paper's two choices of B(h).
    private enum Kind: String, CaseIterable {
        case linear = "bh1"
        case exponential = "bh2"
    }

    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        let config = setup.config
        try config.refuse(["thresholding"], "dynamic thresholding is not for latents")
        order = try config.integer("solver_order", default: 2, in: 1...3)
        // As diffusers does with the names of its other solvers.
        let aliases: [JSON] = ["midpoint", "heun", "logrho"].map(JSON.string)
        if !aliases.contains(config.members["solver_type"] ?? .null) {
            kind = try config.choice("solver_type", default: .exponential)
        }
        predictsPicture = try config.bool("predict_x0", default: true)
        endsWithLowerOrder = try config.bool("lower_order_final", default: true)
        uncorrected = try config.integers("disable_corrector", default: [], in: 0...1_000_000).map { Float($0) }
    }

    mutating func archive(_ archive: inout Archive) {
        archive(&order)
        archive.choice(&kind)
        archive(&predictsPicture)
        archive(&endsWithLowerOrder)
        archive(&uncorrected)
    }

    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool {
        (1...3).contains(order) && history.latest.count == min(history.steps, order)
            && (history.steps == 0 || history.origin.count == elements)
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let (index, schedule) = (prediction.index, prediction.schedule), elements = prediction.sample.indices
        let output = elements.map(predictsPicture ? prediction.picture : prediction.noise)
        var sample = prediction.sample
        if history.steps > 0, !uncorrected.contains(Float(index - 1)) {
            let levels = (0...order).map { LogLevel(schedule.levels[max(index - $0, 0)]) }
            let step = Step(self, from: levels[1], to: levels[0], before: Array(levels.dropFirst(2)))
            let order = order(of: index - 1, taken: history.steps - 1, of: schedule)
            let weights = order == 1 ? [0.5] : step.weights(order, corrects: true)
            sample = step.moved(history.origin, history.latest, weights, corrected: output)
        }
        let order = order(of: index, taken: history.steps, of: schedule)
        history.latest = [output] + history.latest.prefix(self.order - 1)
        history.origin = sample
        let before = (1..<max(order, 1)).map { LogLevel(schedule.levels[index - $0]) }
        let step = Step(self, from: LogLevel(prediction.level), to: LogLevel(prediction.next), before: before)
        let weights = order == 1 ? [] : order == 2 ? [0.5] : step.weights(order, corrects: false)
        return step.moved(sample, history.latest, weights, corrected: nil)
    }

    /// The order of a step: less at the beginning, where there are few outputs, and at the end.
    private func order(of index: Int, taken: Int, of schedule: Schedule) -> Int {
        min(endsWithLowerOrder ? min(order, schedule.levels.count - index) : order, taken + 1)
    }

    /// What is the same for all elements of a step.
    private struct Step {
        private let from: LogLevel, to: LogLevel
        private let predictsPicture: Bool
        /// `e^h - 1`, B(h), and h, whose sign says whether pictures or noise are predicted.
        private let growth: Float, bound: Float, width: Float
        /// Where the outputs before lie, as parts of the step, its own length being 1.
        private let ratios: [Float]

        init(_ solver: UniPCSolver, from: LogLevel, to: LogLevel, before: [LogLevel]) {
            (self.from, self.to, predictsPicture) = (from, to, solver.predictsPicture)
            let h = to.lambda - from.lambda
            width = solver.predictsPicture ? -h : h
            growth = expm1(width)
            bound = solver.kind == .linear ? width : growth
            ratios = before.map { ($0.lambda - from.lambda) / h }
        }

        /// The weights of the differences to the outputs before, in a corrector also of the difference to the output at the end.
        func weights(_ order: Int, corrects: Bool) -> [Float] {
            let points = Array(ratios.prefix(order - 1)) + [1]
            var rows: [[Double]] = [], right: [Double] = []
            var phi = growth / width - 1, factorial: Float = 1
            for power in 0..<order {
                rows.append(points.map { Double(pow($0, Float(power))) })
                right.append(Double(phi * factorial / bound))
                factorial *= Float(power + 2)
                phi = phi / width - 1 / factorial
            }
            let count = corrects ? order : order - 1
            return Self.solved(rows.prefix(count).map { Array($0.prefix(count)) }, Array(right.prefix(count)))
                .map { Float($0) }
        }

        /// Gauss' elimination of a system of at most three equations, whose points all differ.
        private static func solved(_ rows: [[Double]], _ right: [Double]) -> [Double] {
            var rows = rows, right = right
            for pivot in rows.indices {
                for row in rows.indices where row != pivot {
                    let factor = rows[row][pivot] / rows[pivot][pivot]
                    for column in rows.indices { rows[row][column] -= factor * rows[pivot][column] }
                    right[row] -= factor * right[pivot]
                }
            }
            return rows.indices.map { right[$0] / rows[$0][$0] }
        }

        /// The sample at the step's end.
        ///
        /// - Parameters:
        ///   - outputs: the one at its beginning, and those before.
        ///   - corrected: the output at the end, whose weight is the last.
        func moved(_ sample: [Float], _ outputs: [[Float]], _ weights: [Float], corrected: [Float]?) -> [Float] {
            let (keep, scale) =
                predictsPicture ? (to.sigma / from.sigma, to.alpha) : (to.alpha / from.alpha, to.sigma)
            let before = weights.count - (corrected == nil ? 0 : 1)
            return sample.indices.map { element in
                let output = outputs[0][element]
                let straight = keep * sample[element] - scale * growth * output
                guard !weights.isEmpty else { return straight }
                var bend: Float = 0
                for index in 0..<before {
                    bend += weights[index] * ((outputs[index + 1][element] - output) / ratios[index])
                }
                if let corrected { bend += weights[before] * (corrected[element] - output) }
                return straight - scale * bound * bend
            }
        }
    }
}

/// A noise level as the parts of picture and noise in a sample that keeps its variance, and half their log ratio.
struct LogLevel {
    let alpha: Float, sigma: Float, lambda: Float

    init(_ level: Float) {
        (alpha, sigma) = LevelScale.sigma.mixture(at: level)
        lambda = log(alpha) - log(sigma)
    }
}
