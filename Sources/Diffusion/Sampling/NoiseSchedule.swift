import Glibc
import Models

/// How much of the picture is left at each training timestep: the cumulative product of `1 - beta`.
struct NoiseSchedule {
    /// `alphas_cumprod` by timestep.
    let alphas: [Float]
    /// True when the last timestep holds no picture at all.
    let hasZeroTerminalSNR: Bool
    /// The file's schedule; a squared cosine's Karras timesteps are not rounded.
    let kind: BetaSchedule

    /// Training timesteps, of which `alphas` may hold more.
    let count: Int

    /// What a class of diffusers takes where the file says nothing, and of what it says.
    init(_ config: Config, of className: String) throws(ModelError) {
        let isDistilled = ["LCMScheduler", "TCDScheduler"].contains(className)
        let isOfStableDiffusion = isDistilled || className == "HeunDiscreteScheduler"
        count = try config.integer("num_train_timesteps", default: 1000, in: 2...100_000)
        var betas: [Float]
        if config.has("trained_betas") {
            betas = try NoiseSchedule.trained(config, atLeast: count)
            // Nothing else of the schedule is read, but one sampler asks for its kind.
            kind = (try? config.choice("beta_schedule")) ?? .linear
        } else {
            let start = try config.number("beta_start", default: isOfStableDiffusion ? 0.00085 : 0.0001)
            let end = try config.number("beta_end", default: isOfStableDiffusion ? 0.012 : 0.02)
            for (field, beta) in [("beta_start", start), ("beta_end", end)] where !(beta > 0 && beta < 1) {
                throw config.refusal(field, "\(beta) is not between 0 and 1")
            }
            kind = try config.choice("beta_schedule", default: isDistilled ? .scaledLinear : .linear)
            switch kind {
            case .linear: betas = NoiseSchedule.line(start, end, count)
            case .scaledLinear: betas = NoiseSchedule.line(start.squareRoot(), end.squareRoot(), count).map { $0 * $0 }
            case .squaredCosine: betas = NoiseSchedule.squaredCosine(count)
            }
        }
        // Some of diffusers' classes do not know the field.
        hasZeroTerminalSNR =
            try Self.withoutRescaling.contains(className)
            ? false : config.bool("rescale_betas_zero_snr", default: false)
        if hasZeroTerminalSNR { betas = NoiseSchedule.rescaled(betas) }
        alphas = NoiseSchedule.cumulativeProduct(betas)
    }

    private static let withoutRescaling = [
        "DEISMultistepScheduler", "HeunDiscreteScheduler", "LMSDiscreteScheduler", "PNDMScheduler",
    ]

    private static func trained(_ config: Config, atLeast count: Int) throws(ModelError) -> [Float] {
        guard case .array(let elements)? = config.members["trained_betas"], elements.count > 1 else {
            throw config.refusal("trained_betas", "it is not an array of numbers")
        }
        var betas: [Float] = []
        for (index, element) in elements.enumerated() {
            guard case .number(let beta) = element, beta > 0, beta < 1 else {
                throw config.refusal("trained_betas[\(index)]", "it is not a number between 0 and 1")
            }
            betas.append(Float(beta))
        }
        guard betas.count >= count else {
            throw config.refusal(
                "trained_betas", "it has \(betas.count) elements, less than num_train_timesteps, \(count)")
        }
        return betas
    }

    /// torch's `linspace`: from both ends towards the middle, in single precision.
    private static func line(_ start: Double, _ end: Double, _ count: Int) -> [Float] {
        let first = Float(start), last = Float(end)
        let step = (last - first) / Float(count - 1)
        return (0..<count).map { $0 < count / 2 ? first + step * Float($0) : last - step * Float(count - 1 - $0) }
    }

    private static func squaredCosine(_ count: Int) -> [Float] {
        func bar(_ time: Double) -> Double {
            let cosine = cos((time + 0.008) / 1.008 * Double.pi / 2)
            return cosine * cosine
        }
        return (0..<count).map { index in
            let start = Double(index) / Double(count), end = Double(index + 1) / Double(count)
            return Float(min(1 - bar(end) / bar(start), 0.999))
        }
    }

    /// Stretches the schedule so that nothing of the picture is left at its end (arXiv 2305.08891, algorithm 1).
    private static func rescaled(_ betas: [Float]) -> [Float] {
        let roots = cumulativeProduct(betas).map { $0.squareRoot() }
        let first = roots[0], last = roots[roots.count - 1]
        let bars = roots.map { root in
            let stretched = (root - last) * (first / (first - last))
            return stretched * stretched
        }
        return bars.indices.map { $0 == 0 ? 1 - bars[0] : 1 - bars[$0] / bars[$0 - 1] }
    }

    /// Products of `1 - beta`, accumulated in double as torch does.
    private static func cumulativeProduct(_ betas: [Float]) -> [Float] {
        var product = 1.0
        return betas.map { beta in
            product *= Double(1 - beta)
            return Float(product)
        }
    }

    /// Noise over picture by timestep, `sqrt((1 - alpha) / alpha)`; finite also where no picture is left.
    var sigmas: [Float] {
        alphas.enumerated().map { index, alpha in
            let alpha = hasZeroTerminalSNR && index == alphas.count - 1 ? Float(0x1p-24) : alpha
            return ((1 - alpha) / alpha).squareRoot()
        }
    }
}

/// How the noise's variance grows over the training schedule.
enum BetaSchedule: String, CaseIterable {
    case linear
    case scaledLinear = "scaled_linear"
    case squaredCosine = "squaredcos_cap_v2"
}
