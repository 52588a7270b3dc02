import Models

/// Pseudo numerical methods (Liu et al., arXiv 2202.09778); diffusers' `PNDMScheduler`. The history has the outputs of the last steps.
///
/// ```
/// steps              t0            t1        t2   t3 ...         each moves by one stride
/// evaluations
///   skip_prk_steps   t0, t1        t1        t2   t3 ...         steps + 1: the first step is taken twice, the second time with
///                                                                the mean of both ends; then of the last two, three, four outputs
///   else             t0 m m t1     t1 m m t2 t2 m m t3  t3 ...   steps + 9: three steps of four evaluations, m in the middle
/// ```
/// ## Easy to get wrong
/// diffusers counts calls, not timesteps. A walk that begins later does with its first calls what a whole one does with its own:
/// its first step is taken twice though its timesteps do not repeat.
struct PNDMSolver: Solver {
    /// The outputs that a step is made of at most, and the least steps where it begins with Runge-Kutta's.
    private static let order = 4

    /// The levels between which each call moves.
    private var starts: [Float] = [], targets: [Float] = []
    /// The calls that belong to Runge-Kutta steps.
    private var rungeKuttaCalls = 0

    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        let (config, noise) = (setup.config, setup.noise)
        guard setup.parameterization != .sample else {
            throw config.refusal("prediction_type", "'sample' does not go with pndm")
        }
        let final = try config.bool("set_alpha_to_one", default: false) ? 1 : noise.alphas[0]
        let stride = noise.count / setup.steps
        let times = schedule.timesteps.map { Int($0) }
        var path: [Int] = []
        if try setup.configuration.runsRungeKutta() {
            let ends = times.prefix(PNDMSolver.order)
            // The middle of a step, above its end, is seen twice, and the end of one step is the beginning of the next.
            for (start, end) in zip(ends, ends.dropFirst()) {
                path += [start, end + stride / 2, end + stride / 2, end]
            }
            rungeKuttaCalls = path.count
            path += times.dropFirst(3)
        } else {
            path = times.count > 1 ? [times[0], times[1]] + times.dropFirst() : times
        }
        schedule.timesteps = path.map { Float($0) }
        schedule.levels = path.map { noise.alphas[$0] }
        for (call, time) in path.dropFirst(setup.firstStep).enumerated() {
            var (start, target) = (time, time - stride)
            if call < rungeKuttaCalls {
                let part = call % 4
                (start, target) = (path[call - part], time - (part.isMultiple(of: 2) ? stride / 2 : 0))
            } else if call == 1 {
                (start, target) = (time + stride, time)
            }
            starts.append(noise.alphas[start])
            targets.append(target >= 0 ? noise.alphas[target] : final)
        }
        schedule.ends = Array(repeating: final, count: path.count - starts.count) + targets
    }

    static func steps(
        _ configuration: SchedulerConfiguration, strength: Double, trained: Int
    ) throws(ModelError) -> (least: Int, most: Int) {
        (try configuration.runsRungeKutta() ? order : 1, trained)
    }

    mutating func archive(_ archive: inout Archive) {
        archive(&starts)
        archive(&targets)
        archive(&rungeKuttaCalls)
    }

    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool {
        let calls = schedule.timesteps.count - first
        return starts.count == calls && targets.count == calls && rungeKuttaCalls.isMultiple(of: 4)
            && (history.steps == 0 || !history.latest.isEmpty && history.origin.count == elements)
            && (history.steps == 0 || rungeKuttaCalls == 0 || history.sum.count == elements)
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        history.steps < rungeKuttaCalls ? rungeKuttaStep(prediction, &history) : multistep(prediction, &history)
    }

    private func rungeKuttaStep(_ prediction: Prediction, _ history: inout SolverHistory) -> [Float] {
        let output = prediction.output
        var slope = output
        switch history.steps % 4 {
        case 0:
            history.latest = [output] + history.latest
            history.origin = prediction.sample
            history.sum = output.map { 1 / 6 * $0 }
        case 3:
            for element in slope.indices { slope[element] = history.sum[element] + 1 / 6 * output[element] }
        default:
            for element in slope.indices { history.sum[element] += 1 / 3 * output[element] }
        }
        return moved(history.origin, along: slope, call: history.steps, prediction.parameterization)
    }

    private func multistep(_ prediction: Prediction, _ history: inout SolverHistory) -> [Float] {
        let (output, call) = (prediction.output, history.steps)
        var sample = prediction.sample
        let slope: [Float]
        if call == 1 {
            slope = output.indices.map { (output[$0] + history.latest[0][$0]) / 2 }
            sample = history.origin
        } else {
            history.latest = [output] + history.latest.prefix(PNDMSolver.order - 1)
            if history.latest.count == 1 { history.origin = sample }
            slope = PNDMSolver.extrapolated(history.latest)
        }
        return moved(sample, along: slope, call: call, prediction.parameterization)
    }

    /// The slope by the last one to four outputs (Adams and Bashforth).
    private static func extrapolated(_ last: [[Float]]) -> [Float] {
        last[0].indices.map { element in
            switch last.count {
            case 1: last[0][element]
            case 2: (3 * last[0][element] - last[1][element]) / 2
            case 3: (23 * last[0][element] - 16 * last[1][element] + 5 * last[2][element]) / 12
            default:
                1 / 24
                    * (55 * last[0][element] - 59 * last[1][element] + 37 * last[2][element] - 9 * last[3][element])
            }
        }
    }

    /// Formula 9 of the paper.
    private func moved(
        _ sample: [Float], along slope: [Float], call: Int, _ parameterization: Parameterization
    ) -> [Float] {
        let alpha = starts[call], next = targets[call]
        let (signal, spread) = LevelScale.alpha.mixture(at: alpha)
        let sampleFactor = (next / alpha).squareRoot()
        let divisor = alpha * (1 - next).squareRoot() + (alpha * (1 - alpha) * next).squareRoot()
        let change = next - alpha
        return sample.indices.map { element in
            let x = sample[element]
            let noise = parameterization.noise(in: x, output: slope[element], signal: signal, spread: spread)
            return sampleFactor * x - change * noise / divisor
        }
    }
}
