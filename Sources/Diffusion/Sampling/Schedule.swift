import Glibc
import Models

/// How much picture and how much noise a sample holds at a level of noise.
public enum LevelScale: String, CaseIterable, Sendable {
    /// `sqrt(level) * picture + sqrt(1 - level) * noise`: the level is the cumulative product of `1 - beta`.
    case alpha
    /// `(picture + level * noise) / sqrt(level * level + 1)`: the level is noise over picture, often called sigma.
    case sigma
    /// `picture + level * noise`, which the network sees divided by `sqrt(level * level + 1)`.
    case unscaled
    /// `(1 - level) * picture + level * noise`: a straight line between the two.
    case flow

    /// The parts of picture and noise.
    @inline(__always)
    public func mixture(at level: Float) -> (signal: Float, spread: Float) {
        switch self {
        case .alpha: return (level.squareRoot(), (1 - level).squareRoot())
        case .sigma:
            let signal = 1 / (level * level + 1).squareRoot()
            return (signal, level * signal)
        case .unscaled: return (1, level)
        case .flow: return (1 - level, level)
        }
    }

    /// What the sample is divided by before the network sees it.
    func inputDivisor(at level: Float) -> Float { self == .unscaled ? (level * level + 1).squareRoot() : 1 }
}

/// The levels of noise that a walk goes through, one for each evaluation of the network.
///
/// ```
/// DDIM, DDPM, PNDM, LCM, TCD              whole timesteps by `timestep_spacing`, or the distilled ones     ─► alphas
/// Euler, Heun, DPM-Solver++, UniPC ...    timesteps by `timestep_spacing`, or Karras' levels               ─► sigmas, between timesteps where need be
/// ```
struct Schedule: Sendable {
    /// What the network is told of the time at each evaluation.
    var timesteps: [Float] = []
    /// The level of the sample that it sees.
    var levels: [Float] = []
    /// The level that the step after it goes to.
    var ends: [Float] = []
    /// What the levels mean.
    var scale = LevelScale.alpha
    /// What the noise is multiplied with where a walk begins with nothing else.
    var initialNoiseScale: Float = 1

    /// Whole timesteps; each step ends at the level of the next one, the last at the picture.
    static func discrete(_ setup: WalkSetup) throws(ModelError) -> Schedule {
        let times = try setup.times(default: .leading) { $0.rounded(.toNearestOrEven) }
        guard times.allSatisfy({ $0 < Double(setup.noise.count) }) else {
            throw setup.config.refusal(
                "steps_offset", "with \(setup.steps) steps it leads beyond the last of \(setup.noise.count) timesteps")
        }
        return Schedule(alphasAt: times.map { Int($0) }, of: setup.noise)
    }

    /// The timesteps that a latent consistency model was distilled from, the part of them that a strength leaves.
    static func distilled(_ setup: WalkSetup, strength: Double) throws(ModelError) -> Schedule {
        let original = try setup.configuration.originalSteps(of: setup.noise.count)
        let stride = setup.noise.count / original
        let spread = Int(Double(original) * strength)
        let times = (0..<setup.steps).map { index in
            // numpy's linspace without its end, rounded down, through the distilled timesteps from the last.
            let place = Int(Double(index) * (Double(spread) / Double(setup.steps)))
            return (spread - place) * stride - 1
        }
        return Schedule(alphasAt: times, of: setup.noise)
    }

    private init(alphasAt times: [Int], of noise: NoiseSchedule) {
        timesteps = times.map { Float($0) }
        levels = times.map { noise.alphas[$0] }
        ends = levels.dropFirst() + [1]
    }

    /// Levels of a sample that grows with its noise. The ancestral class reads less of the file, and Euler's more.
    static func unscaled(_ setup: WalkSetup) throws(ModelError) -> Schedule {
        let config = setup.config
        let table = setup.noise.sigmas
        var times = try setup.times(default: .linspace) { Double(Float($0)) }
        var levels = times.map { Timesteps.interpolate($0, in: table) }
        var last: Float = 0
        var isContinuous = false
        let isEuler = setup.method.className == "EulerDiscreteScheduler"
        if setup.method.className != "EulerAncestralDiscreteScheduler" {
            try config.refuse(["use_exponential_sigmas", "use_beta_sigmas"], "these noise levels are not supported")
            if try config.bool("use_karras_sigmas", default: false) {
                levels = try KarrasSigmas.spread(levels, count: levels.count, config)
                let logarithms = table.map { Double(log($0)) }
                times = levels.map { KarrasSigmas.timestep(of: $0, in: logarithms) }
            }
        }
        if isEuler {
            try config.require("interpolation_type", isOneOf: [.string("linear")], "only 'linear' is supported")
            let type: TimestepType = try config.choice("timestep_type", default: .discrete)
            isContinuous = type == .continuous && setup.parameterization == .velocity
            if try config.choice("final_sigmas_type", default: FinalSigma.zero) == .minimum { last = table[0] }
        }
        var schedule = Schedule(levels: levels.map { Float($0) }, last: last, .unscaled)
        schedule.timesteps = isContinuous ? levels.map { 0.25 * log(Float($0)) } : times.map { Float($0) }
        let highest = (schedule.levels + [last]).max() ?? 0
        let isLeading = try setup.spacing(default: .linspace) == .leading
        schedule.initialNoiseScale = isLeading ? (highest * highest + 1).squareRoot() : highest
        return schedule
    }

    /// Levels of a sample that keeps its variance.
    static func preserved(_ setup: WalkSetup) throws(ModelError) -> Schedule {
        let config = setup.config
        try config.refuse(
            ["use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"],
            "these noise levels are not supported")
        let table = setup.noise.sigmas
        let isDPMSolver = setup.method.className == "DPMSolverMultistepScheduler"
        let bound = try isDPMSolver ? config.number("lambda_min_clipped", default: -.infinity) : -.infinity
        // The noisiest timesteps, whose log signal-to-noise ratio is below the bound, are left out.
        let last = setup.noise.count - table.count { Double(-log($0)) < bound }
        var times = try setup.times(default: .linspace, last: last, surplus: 1) { $0.rounded(.toNearestOrEven) }
        var levels: [Double]
        let asksForKarras = try config.bool("use_karras_sigmas", default: false)
        if setup.method.usesKarrasSigmas ?? asksForKarras {
            levels = try KarrasSigmas.spread(table.reversed().map(Double.init), count: setup.steps, config)
            let logarithms = table.map { Double(log($0)) }
            times = levels.map { level in
                let time = KarrasSigmas.timestep(of: level, in: logarithms)
                return isDPMSolver && setup.noise.kind == .squaredCosine
                    ? time.rounded(.towardZero) : time.rounded(.toNearestOrEven)
            }
        } else {
            levels = times.map { Timesteps.interpolate($0, in: table) }
        }
        let final: FinalSigma = try config.choice("final_sigmas_type", default: .zero)
        var schedule = Schedule(levels: levels.map { Float($0) }, last: final == .zero ? 0 : table[0], .sigma)
        schedule.timesteps = times.map { Float($0) }
        return schedule
    }

    private init(levels: [Float], last: Float, _ scale: LevelScale) {
        self.levels = levels
        ends = levels.dropFirst() + [last]
        self.scale = scale
    }

    /// None, to be read from an archive.
    init() {}
}

/// How timesteps are spread over the training schedule (Lin et al., arXiv 2305.08891, table 2).
enum TimestepSpacing: String, CaseIterable {
    case leading, linspace, trailing
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
