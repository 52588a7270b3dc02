/// What the network's output means, and the one place where it is turned into a picture and noise.
///
/// Both are parts of what the network sees: `sample = signal * picture + spread * noise`.
public enum Parameterization: String, CaseIterable, Sendable {
    /// The noise.
    case epsilon
    /// The velocity: `signal * noise - spread * picture`.
    case velocity = "v_prediction"
    /// The picture itself.
    case sample
    /// The way from the picture to the noise, `noise - picture`, of a flow: `signal` is `1 - spread`.
    case flow = "flow_prediction"

    /// An element of the picture.
    @inline(__always)
    public func picture(in sample: Float, output: Float, signal: Float, spread: Float) -> Float {
        switch self {
        case .epsilon: (sample - spread * output) / signal
        case .velocity: signal * sample - spread * output
        case .sample: output
        case .flow: sample - spread * output
        }
    }

    /// The same where the sample is `picture + spread * noise`, and the network saw it divided by `sqrt(spread * spread + 1)`.
    ///
    /// The velocity's formula is `picture` of the divided sample, but rounds otherwise: diffusers' Euler classes, whose bits these
    /// are, do not divide first.
    @inline(__always)
    public func picture(inUnscaled sample: Float, output: Float, spread: Float) -> Float {
        guard self == .velocity else { return picture(in: sample, output: output, signal: 1, spread: spread) }
        let variance = spread * spread + 1
        return output * (-spread / variance.squareRoot()) + sample / variance
    }

    /// An element of the noise.
    @inline(__always)
    public func noise(in sample: Float, output: Float, signal: Float, spread: Float) -> Float {
        switch self {
        case .epsilon: output
        case .velocity: signal * output + spread * sample
        case .sample: (sample - signal * output) / spread
        case .flow: sample + signal * output
        }
    }
}

/// What the network said of a sample, as a solver reads it: the picture and the noise that it stands for.
struct Prediction {
    /// Latents before the step, and the network's output for them, guidance applied; elements in the same order.
    let sample: [Float], output: [Float]
    let schedule: Schedule
    /// Which evaluation of the schedule it is.
    let index: Int
    let parameterization: Parameterization
    /// How far the picture may go; nil when it is not clipped.
    let clipRange: Float?
    private let signal: Float, spread: Float

    init(_ plan: WalkPlan, _ index: Int, sample: [Float], output: [Float]) {
        (self.sample, self.output, self.index) = (sample, output, index)
        (schedule, parameterization, clipRange) = (plan.schedule, plan.parameterization, plan.clipRange)
        (signal, spread) = schedule.scale.mixture(at: schedule.levels[index])
    }

    /// The level of noise in the sample.
    var level: Float { schedule.levels[index] }
    /// The level that the step goes to.
    var next: Float { schedule.ends[index] }

    /// An element of the picture that the network sees in the sample.
    @inline(__always)
    func picture(_ element: Int) -> Float {
        let (x, y) = (sample[element], output[element])
        let picture =
            schedule.scale == .unscaled
            ? parameterization.picture(inUnscaled: x, output: y, spread: spread)
            : parameterization.picture(in: x, output: y, signal: signal, spread: spread)
        guard let clipRange else { return picture }
        return min(max(picture, -clipRange), clipRange)
    }

    /// An element of the noise, which a clipped picture does not change.
    @inline(__always)
    func noise(_ element: Int) -> Float {
        parameterization.noise(in: sample[element], output: output[element], signal: signal, spread: spread)
    }
}
