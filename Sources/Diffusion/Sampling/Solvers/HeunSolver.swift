import Models

/// Heun's method over noise levels (Karras et al., arXiv 2206.00364, algorithm 1 without churn): each step but the last is evaluated at
/// both ends; diffusers' `HeunDiscreteScheduler`. The history has the sample and the slope at a step's beginning.
struct HeunSolver: Solver {
    static let clipsByDefault: Bool? = false

    init() {}

    /// Every level but the first and the last is seen twice: at the end of one step and at the beginning of the next.
    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        let (times, levels, ends) = (schedule.timesteps, schedule.levels, schedule.ends)
        schedule.timesteps = []
        schedule.levels = []
        schedule.ends = []
        for step in levels.indices {
            schedule.timesteps.append(times[step])
            schedule.levels.append(levels[step])
            schedule.ends.append(ends[step])
            guard step + 1 < levels.count else { break }
            schedule.timesteps.append(times[step + 1])
            schedule.levels.append(levels[step + 1])
            schedule.ends.append(ends[step])
        }
    }

    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool {
        first.isMultiple(of: 2)
            && (history.steps.isMultiple(of: 2) || history.origin.count == elements && history.sum.count == elements)
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let (sample, index) = (prediction.sample, prediction.index), level = prediction.level
        let slope = sample.indices.map { (sample[$0] - prediction.picture($0)) / level }
        if index.isMultiple(of: 2) {
            let change = prediction.next - level
            (history.origin, history.sum) = (sample, slope)
            return sample.indices.map { sample[$0] + slope[$0] * change }
        }
        let change = level - prediction.schedule.levels[index - 1]
        return sample.indices.map { history.origin[$0] + (history.sum[$0] + slope[$0]) / 2 * change }
    }
}

/// Linear multistep over noise levels (Adams and Bashforth's, for steps of any length), of the fourth order; diffusers'
/// `LMSDiscreteScheduler`. The history has the slopes of the last steps.
struct LMSSolver: Solver {
    private static let order = 4

    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool {
        history.latest.count == min(history.steps, LMSSolver.order)
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let (sample, index, level) = (prediction.sample, prediction.index, prediction.level)
        let slope = sample.indices.map { (sample[$0] - prediction.picture($0)) / level }
        history.latest = [slope] + history.latest.prefix(LMSSolver.order - 1)
        // As in diffusers: of a walk that begins later, the first steps have the weights of as many slopes as there could be.
        let count = min(index + 1, LMSSolver.order)
        let levels = (0..<count).map { Double(prediction.schedule.levels[index - $0]) }
        let weights = (0..<count).map { Float(LMSSolver.integral($0, levels, to: Double(prediction.next))) }
        return sample.indices.map { element in
            var change: Float = 0
            for (weight, slopes) in zip(weights, history.latest) { change += weight * slopes[element] }
            return sample[element] + change
        }
    }

    /// The integral from `levels[0]` to `end` of Lagrange's polynomial that is 1 at `levels[number]` and 0 at the others: of the third
    /// degree at most, for which Gauss' rule with three points is exact.
    private static func integral(_ number: Int, _ levels: [Double], to end: Double) -> Double {
        let middle = (levels[0] + end) / 2, half = (end - levels[0]) / 2
        let points = [(0.0, 8.0 / 9), (-0.6.squareRoot(), 5.0 / 9), (0.6.squareRoot(), 5.0 / 9)]
        return half
            * points.reduce(0) { sum, point in
                let place = middle + half * point.0
                let value = levels.indices.reduce(1.0) { product, other in
                    other == number ? product : product * (place - levels[other]) / (levels[number] - levels[other])
                }
                return sum + point.1 * value
            }
    }
}
