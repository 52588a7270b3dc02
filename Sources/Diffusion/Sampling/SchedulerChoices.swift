/// What the network's output means.
enum PredictionType: String, CaseIterable {
    /// The noise.
    case epsilon
    /// The velocity: `alpha * noise - sigma * picture`.
    case velocity = "v_prediction"
    /// The picture itself.
    case sample

    /// An element of the picture that the network sees in a sample, `signal * picture + spread * noise`, of which it says `output`.
    @inline(__always)
    func picture(in sample: Float, output: Float, signal: Float, spread: Float) -> Float {
        switch self {
        case .epsilon: (sample - spread * output) / signal
        case .velocity: signal * sample - spread * output
        case .sample: output
        }
    }
}

/// How timesteps are spread over the training schedule (Lin et al., arXiv 2305.08891, table 2).
enum TimestepSpacing: String, CaseIterable {
    case leading, linspace, trailing
}

/// How the noise's variance grows over the training schedule.
enum BetaSchedule: String, CaseIterable {
    case linear
    case scaledLinear = "scaled_linear"
    case squaredCosine = "squaredcos_cap_v2"
}

/// The noise level after the last step.
enum FinalSigma: String, CaseIterable {
    case zero
    case minimum = "sigma_min"
}

/// What a network that predicts velocity is told of the time: its timestep, or a quarter of the noise level's logarithm.
enum TimestepType: String, CaseIterable {
    case discrete, continuous
}

/// The second-order solvers' two ways to estimate the slope.
enum SolverType: String, CaseIterable {
    case midpoint, heun
}
