import Models

/// `scheduler_config.json`, turned into the scheduler of any sampler as diffusers' `from_config` does: a key that is there
/// is carried over, a key that is not takes the default of the sampler's own class.
///
/// A key that asks for something that is not implemented is refused by its name.
public struct SchedulerConfiguration: Sendable {
    /// The file's members.
    public let config: Config

    /// The members as they are.
    public init(_ config: Config) { self.config = config }

    /// The folder's configuration as diffusers' pipeline sees it.
    ///
    /// ## Easy to get wrong
    /// `StableDiffusionPipeline` repairs old files before anything runs: `steps_offset` becomes 1 and `clip_sample` false.
    /// What the file leaves out counts as the default of the class that it names, and is repaired too, but stays
    /// with that class: another sampler takes its own default.
    public init(_ folder: ModelFolder) throws(ModelError) {
        let config = try folder.config("scheduler", "scheduler_config.json")
        guard folder.pipelineClass != "LatentConsistencyModelPipeline" else {
            self.init(config)
            return
        }
        var members = config.members
        if config.has("steps_offset") { members["steps_offset"] = .integer(1) }
        if members["clip_sample"] == .bool(true) { members["clip_sample"] = .bool(false) }
        self.init(Config(file: config.file, members: members))
        repairsDefaults = true
    }

    private var repairsDefaults = false

    /// The sampler that the file names; DDIM where latentd does not have it.
    public var defaultSampler: Sampler {
        guard case .string(let name)? = config.members["_class_name"] else { return .ddim }
        switch name {
        case "EulerDiscreteScheduler": return .euler
        case "EulerAncestralDiscreteScheduler": return .eulerAncestral
        case "DPMSolverMultistepScheduler":
            return config.members["use_karras_sigmas"] == .bool(true) ? .dpmSolverKarras : .dpmSolver
        case "LCMScheduler": return .lcm
        default: return .ddim
        }
    }

    /// The scheduler of a sampler for a number of steps.
    ///
    /// - Parameter strength: of a walk that begins with a picture; what it means is `Sampler.firstStep`'s to say.
    public func scheduler(
        _ sampler: Sampler, steps: Int, strength: Double = 1
    ) throws(DiffusionError) -> any Scheduler {
        let most = try DiffusionError.wrapping { () throws(ModelError) in try mostSteps(sampler, strength) }
        guard most > 0 else {
            throw .setting(field: "strength", reason: "\(strength) leaves none of the model's timesteps")
        }
        guard (1...most).contains(steps) else {
            throw .setting(field: "steps", reason: "\(steps) is not between 1 and \(most)")
        }
        return try DiffusionError.wrapping { () throws(ModelError) -> any Scheduler in
            // A wrong value is an error also for a sampler that spaces its timesteps in its own way.
            let _: TimestepSpacing = try config.choice("timestep_spacing", default: .leading)
            let noise = try NoiseSchedule(config, defaults: sampler == .lcm ? .latentConsistency : .standard)
            return switch sampler {
            case .ddim: try DDIMScheduler(self, noise, steps: steps)
            case .euler: try EulerScheduler(self, noise, steps: steps, isAncestral: false)
            case .eulerAncestral: try EulerScheduler(self, noise, steps: steps, isAncestral: true)
            case .dpmSolver: try DPMSolverScheduler(self, noise, steps: steps, usesKarrasSigmas: false)
            case .dpmSolverKarras: try DPMSolverScheduler(self, noise, steps: steps, usesKarrasSigmas: true)
            case .lcm: try LCMScheduler(self, noise, steps: steps, strength: strength)
            }
        }
    }

    /// The most steps that a sampler can take: the timesteps that the model was trained, or distilled, with.
    private func mostSteps(_ sampler: Sampler, _ strength: Double) throws(ModelError) -> Int {
        let trained = try config.integer("num_train_timesteps", default: 1000, in: 2...100_000)
        return sampler == .lcm ? Int(Double(try originalSteps(of: trained)) * strength) : trained
    }

    /// The timesteps that a latent consistency model was distilled from.
    func originalSteps(of trained: Int) throws(ModelError) -> Int {
        try config.integer("original_inference_steps", default: 50, in: 1...trained)
    }

    /// True when the file was written for this class, so that what it leaves out was repaired with the rest.
    private func names(_ className: String) -> Bool {
        repairsDefaults && config.members["_class_name"] == .string(className)
    }

    func stepsOffset(for className: String) throws(ModelError) -> Int {
        try config.integer("steps_offset", default: names(className) ? 1 : 0, in: 0...1_000_000)
    }

    /// How far the predicted picture may go; nil when it is not clipped.
    func clipRange(for className: String, default clips: Bool) throws(ModelError) -> Float? {
        guard try config.bool("clip_sample", default: clips && !names(className)) else { return nil }
        return Float(try config.number("clip_sample_range", default: 1))
    }

    func refuseThresholding() throws(ModelError) {
        try config.require("thresholding", isOneOf: [.bool(false)], "dynamic thresholding is not for latents")
    }

    func refuse(_ fields: [String], _ reason: String) throws(ModelError) {
        for field in fields { try config.require(field, isOneOf: [.bool(false)], reason) }
    }
}
