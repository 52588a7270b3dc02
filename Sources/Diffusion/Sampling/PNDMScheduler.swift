import Models

/// Pseudo numerical methods (Liu et al., arXiv 2202.09778); diffusers' `PNDMScheduler`.
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
struct PNDMScheduler: Scheduler {
    let timesteps: [Float]
    let initialNoiseScale: Float = 1
    /// The outputs that a step is made of at most, and the least steps where it begins with Runge-Kutta's.
    static let order = 4

    private let times: [Int]
    private let rungeKuttaTimes: [Int]
    private let alphas: [Float]
    private let finalAlpha: Float
    private let stride: Int
    private let prediction: PredictionType
    private var calls = 0
    private var outputs: [[Float]] = []
    /// What the step that is being taken began with.
    private var origin: [Float] = []
    /// The weighted sum of a Runge-Kutta step's outputs.
    private var sum: [Float] = []

    private static let className = "PNDMScheduler"

    init(_ configuration: SchedulerConfiguration, _ noise: NoiseSchedule, steps count: Int) throws(ModelError) {
        let config = configuration.config
        prediction = try config.choice("prediction_type", default: PredictionType.epsilon)
        guard prediction != .sample else { throw config.refusal("prediction_type", "'sample' does not go with pndm") }
        alphas = noise.alphas
        finalAlpha = try config.bool("set_alpha_to_one", default: false) ? 1 : noise.alphas[0]
        stride = noise.count / count
        let times = try configuration.wholeTimesteps(for: PNDMScheduler.className, count: count, of: noise)
        if try configuration.runsRungeKutta() {
            let half = stride / 2
            let ends = times.prefix(PNDMScheduler.order)
            // The middle of a step, above its end, is seen twice, and the end of one step is the beginning of the next.
            var path: [Int] = []
            for (start, end) in zip(ends, ends.dropFirst()) { path += [start, end + half, end + half, end] }
            rungeKuttaTimes = path
            self.times = path + times.dropFirst(3)
        } else {
            rungeKuttaTimes = []
            self.times = times.count > 1 ? [times[0], times[1]] + times.dropFirst() : times
        }
        timesteps = self.times.map { Float($0) }
    }

    func mixture(_ index: Int) -> (picture: Float, noise: Float) {
        let alpha = alphas[times[index]]
        return (alpha.squareRoot(), (1 - alpha).squareRoot())
    }

    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource) {
        if calls < rungeKuttaTimes.count {
            rungeKuttaStep(times[index], output, &sample)
        } else {
            multistep(times[index], output, &sample)
        }
        calls += 1
    }

    private mutating func rungeKuttaStep(_ time: Int, _ output: [Float], _ sample: inout [Float]) {
        let part = calls % 4
        var slope = output
        switch part {
        case 0:
            outputs.append(output)
            origin = sample
            sum = output.map { 1 / 6 * $0 }
        case 3:
            for element in slope.indices { slope[element] = sum[element] + 1 / 6 * output[element] }
        default:
            for element in slope.indices { sum[element] += 1 / 3 * output[element] }
        }
        let target = time - (part.isMultiple(of: 2) ? stride / 2 : 0)
        sample = moved(origin, along: slope, from: rungeKuttaTimes[calls - part], to: target)
    }

    private mutating func multistep(_ time: Int, _ output: [Float], _ sample: inout [Float]) {
        var (start, target) = (time, time - stride)
        if calls == 1 {
            (start, target) = (time + stride, time)
        } else {
            outputs = Array(outputs.suffix(PNDMScheduler.order - 1)) + [output]
        }
        let slope: [Float]
        switch (outputs.count, calls) {
        case (1, 1):
            slope = output.indices.map { (output[$0] + outputs[0][$0]) / 2 }
            sample = origin
        case (1, _):
            slope = output
            origin = sample
        default: slope = extrapolated()
        }
        sample = moved(sample, along: slope, from: start, to: target)
    }

    /// The slope by the last two to four outputs (Adams and Bashforth).
    private func extrapolated() -> [Float] {
        let last = Array(outputs.reversed())
        return last[0].indices.map { element in
            switch last.count {
            case 2: (3 * last[0][element] - last[1][element]) / 2
            case 3: (23 * last[0][element] - 16 * last[1][element] + 5 * last[2][element]) / 12
            default:
                1 / 24
                    * (55 * last[0][element] - 59 * last[1][element] + 37 * last[2][element] - 9 * last[3][element])
            }
        }
    }

    /// Formula 9 of the paper.
    private func moved(_ sample: [Float], along slope: [Float], from start: Int, to target: Int) -> [Float] {
        let alpha = alphas[start]
        let next = target >= 0 ? alphas[target] : finalAlpha
        let signal = alpha.squareRoot(), spread = (1 - alpha).squareRoot()
        let sampleFactor = (next / alpha).squareRoot()
        let divisor = alpha * (1 - next).squareRoot() + (alpha * (1 - alpha) * next).squareRoot()
        let change = next - alpha
        return sample.indices.map { element in
            let x = sample[element]
            let noise = prediction == .velocity ? signal * slope[element] + spread * x : slope[element]
            return sampleFactor * x - change * noise / divisor
        }
    }
}
