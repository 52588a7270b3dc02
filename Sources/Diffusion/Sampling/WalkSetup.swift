import Models
import Terms

/// What the parts of a walk are made of: a scheduler's file, read as one class of diffusers reads it, and what a job asks for.
struct WalkSetup {
    let configuration: SchedulerConfiguration
    /// Its members as the sampler's class gets them.
    let config: Config
    let method: SamplingMethod
    let noise: NoiseSchedule
    let parameterization: Parameterization
    let steps: Int
    /// Of a walk that begins with a picture, else 1.
    let strength: Double
    /// The first step that is taken.
    let firstStep: Int

    init(
        _ configuration: SchedulerConfiguration, _ sampler: Sampler, steps: Int, strength: Double
    ) throws(ModelError) {
        method = sampler.method
        let config = configuration.config(for: method.className)
        self.config = config
        self.configuration = configuration
        self.steps = steps
        self.strength = strength
        firstStep = sampler.firstStep(of: steps, strength: strength)
        noise = try NoiseSchedule(config, of: method.className)
        // A wrong value is an error also for a sampler that spaces its timesteps in its own way.
        let _: TimestepSpacing = try config.choice("timestep_spacing", default: .leading)
        // An old name, which only this class of diffusers still knows.
        let isOfOldName =
            method.className == "EulerDiscreteScheduler"
            && config.members["prediction_type"] == .string("original_sample")
        parameterization = try isOfOldName ? .sample : config.choice("prediction_type", default: .epsilon)
        guard parameterization != .flow else {
            throw config.refusal("prediction_type", "'flow_prediction' does not go with a schedule of betas")
        }
    }

    /// True when the model names this class, so that what its file leaves out was repaired with the rest.
    private var isModelsOwn: Bool { configuration.repairs(method.className) }

    func spacing(default spacing: TimestepSpacing) throws(ModelError) -> TimestepSpacing {
        try config.choice("timestep_spacing", default: spacing)
    }

    /// How far predicted pictures may go; nil when they are not clipped, or the class does not know how.
    func clipRange(default clips: Bool?) throws(ModelError) -> Float? {
        guard let clips else { return nil }
        // Of the classes that clip, diffusers' Heun alone does not know the field.
        if method.className != "HeunDiscreteScheduler" {
            try config.refuse(["thresholding"], "dynamic thresholding is not for latents")
        }
        guard try config.bool("clip_sample", default: clips && !isModelsOwn) else { return nil }
        return Float(try config.number("clip_sample_range", default: 1))
    }

    /// Timesteps, the largest first, spread as the file says.
    ///
    /// - Parameters:
    ///   - last: how many training timesteps there are to spread over, where not all.
    ///   - surplus: how many more are spread, and then left out at the end.
    ///   - rounding: of evenly spread ones.
    func times(
        default spacing: TimestepSpacing, last: Int? = nil, surplus: Int = 0, rounding: (Double) -> Double
    ) throws(ModelError) -> [Double] {
        let last = last ?? noise.count, count = steps + surplus
        switch try self.spacing(default: spacing) {
        case .linspace:
            return Timesteps.line(to: Double(last - 1), count: count).dropFirst(surplus).reversed().map(rounding)
        case .leading:
            let offset = try config.integer("steps_offset", default: isModelsOwn ? 1 : 0, in: 0...1_000_000)
            return Array(Timesteps.leading(count: count, ratio: last / count, offset: offset).dropLast(surplus))
        case .trailing:
            return Timesteps.trailing(count: steps, from: last, total: noise.count)
        }
    }
}

extension Config {
    /// Refuses fields that are on.
    func refuse(_ fields: [String], _ reason: String) throws(ModelError) {
        for field in fields { try require(field, isOneOf: [.bool(false)], reason) }
    }
}
