import Models

/// `scheduler_config.json`, turned into the scheduler of any sampler as diffusers' `from_config` does: a key that is there
/// is carried over, a key that is not takes the default of the sampler's own class.
///
/// A key that asks for something that is not implemented is refused by its name, where the sampler reads it. A key that it does
/// not read is passed over.
public struct SchedulerConfiguration: Sendable {
    /// The file's members.
    public let config: Config
    private let schedulerClass: SchedulerClass
    private let repairsDefaults: Bool

    /// The members as they are.
    public init(_ config: Config) {
        self.init(config, SchedulerClass(config), repairs: false)
    }

    /// The folder's configuration as diffusers' pipeline sees it.
    ///
    /// ## Easy to get wrong
    /// `StableDiffusionPipeline` repairs old files before anything runs: `steps_offset` becomes 1 and `clip_sample` false.
    /// What the file leaves out counts as the default of the class that the model names, and is repaired too, but stays
    /// with that class: another sampler takes its own default.
    public init(_ folder: ModelFolder) throws(ModelError) {
        let config = try folder.config("scheduler", "scheduler_config.json")
        self.init(
            config, try SchedulerClass(folder, config),
            repairs: folder.pipelineClass != "LatentConsistencyModelPipeline")
    }

    private init(_ config: Config, _ schedulerClass: SchedulerClass, repairs: Bool) {
        var members = config.members
        if case .array(let names)? = members["_use_default_values"] {
            // What diffusers wrote down although nobody had set it.
            for case .string(let name) in names { members[name] = nil }
        }
        // To Python null is as good as false.
        for field in SchedulerConfiguration.flags where members[field] == .null { members[field] = .bool(false) }
        for field in schedulerClass.ownWords { members[field] = nil }
        if repairs {
            if members["steps_offset"] != nil { members["steps_offset"] = .integer(1) }
            if members["clip_sample"] == .bool(true) { members["clip_sample"] = .bool(false) }
        }
        self.config = Config(file: config.file, members: members)
        self.schedulerClass = schedulerClass
        repairsDefaults = repairs
    }

    private static let flags = [
        "clip_sample", "euler_at_final", "lower_order_final", "rescale_betas_zero_snr", "set_alpha_to_one",
        "skip_prk_steps", "thresholding", "use_karras_sigmas",
    ]

    /// The sampler that the model's files name. One that latentd does not have, or not with these settings, is refused.
    public func defaultSampler() throws(ModelError) -> Sampler {
        let sampler = try schedulerClass.sampler(config)
        _ = try trial(sampler)
        return sampler
    }

    /// The samplers that these settings can be used with.
    ///
    /// - Throws: what is wrong with them where there is none.
    public func samplers() throws(ModelError) -> [Sampler] {
        let fitting = Sampler.allCases.filter { (try? trial($0)) != nil }
        guard fitting.isEmpty else { return fitting }
        return [try trial((try? schedulerClass.sampler(config)) ?? .ddim)]
    }

    /// The sampler, unless the settings ask for something that it cannot do.
    private func trial(_ sampler: Sampler) throws(ModelError) -> Sampler {
        _ = try scheduler(sampler, leastSteps(sampler), strength: 1)
        return sampler
    }

    /// The least steps that a sampler can take.
    public func leastSteps(_ sampler: Sampler) throws(ModelError) -> Int {
        guard sampler == .pndm, try runsRungeKutta() else { return 1 }
        return PNDMScheduler.order
    }

    /// Whether `pndm` begins with Runge-Kutta steps, of four evaluations each.
    public func runsRungeKutta() throws(ModelError) -> Bool { try !config.bool("skip_prk_steps", default: false) }

    /// The scheduler of a sampler for a number of steps.
    ///
    /// - Parameter strength: of a walk that begins with a picture; what it means is `Sampler.firstStep`'s to say.
    public func scheduler(
        _ sampler: Sampler, steps: Int, strength: Double = 1
    ) throws(DiffusionError) -> any Scheduler {
        let (least, most) = try DiffusionError.wrapping { () throws(ModelError) in
            (try leastSteps(sampler), try mostSteps(sampler, strength))
        }
        guard most > 0 else {
            throw .setting(field: "strength", reason: "\(strength) leaves none of the model's timesteps")
        }
        guard steps >= least, steps <= most else {
            throw .setting(field: "steps", reason: "\(steps) is not between \(least) and \(most)")
        }
        return try DiffusionError.wrapping { () throws(ModelError) in try scheduler(sampler, steps, strength: strength)
        }
    }

    private func scheduler(
        _ sampler: Sampler, _ steps: Int, strength: Double
    ) throws(ModelError) -> any Scheduler {
        try schedulerClass.requireKnownNoise(config)
        // A wrong value is an error also for a sampler that spaces its timesteps in its own way.
        let _: TimestepSpacing = try config.choice("timestep_spacing", default: .leading)
        let noise = try NoiseSchedule(config, for: sampler)
        return switch sampler {
        case .ddim: try DDIMScheduler(self, noise, steps: steps)
        case .euler: try EulerScheduler(self, noise, steps: steps, isAncestral: false)
        case .eulerAncestral: try EulerScheduler(self, noise, steps: steps, isAncestral: true)
        case .dpmSolver: try DPMSolverScheduler(self, noise, steps: steps, usesKarrasSigmas: false)
        case .dpmSolverKarras: try DPMSolverScheduler(self, noise, steps: steps, usesKarrasSigmas: true)
        case .lcm: try LCMScheduler(self, noise, steps: steps, strength: strength)
        case .pndm: try PNDMScheduler(self, noise, steps: steps)
        case .ddpm: try DDPMScheduler(self, noise, steps: steps)
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

    /// True when the model names this class, so that what its file leaves out was repaired with the rest.
    private func names(_ className: String) -> Bool { repairsDefaults && schedulerClass.name == className }

    func stepsOffset(for className: String) throws(ModelError) -> Int {
        try config.integer("steps_offset", default: names(className) ? 1 : 0, in: 0...1_000_000)
    }

    /// How far the predicted picture may go; nil when it is not clipped.
    func clipRange(for className: String, default clips: Bool) throws(ModelError) -> Float? {
        guard try config.bool("clip_sample", default: clips && !names(className)) else { return nil }
        return Float(try config.number("clip_sample_range", default: 1))
    }

    /// Timesteps that are whole numbers, the largest first: how DDIM, DDPM and PNDM spread them.
    func wholeTimesteps(for className: String, count: Int, of noise: NoiseSchedule) throws(ModelError) -> [Int] {
        let times: [Double]
        switch try config.choice("timestep_spacing", default: TimestepSpacing.leading) {
        case .linspace:
            times = Timesteps.line(to: Double(noise.count - 1), count: count).reversed()
                .map { $0.rounded(.toNearestOrEven) }
        case .leading:
            let offset = try stepsOffset(for: className)
            times = Timesteps.leading(count: count, ratio: noise.count / count, offset: offset)
        case .trailing:
            times = Timesteps.trailing(count: count, from: noise.count, total: noise.count)
        }
        guard times.allSatisfy({ $0 < Double(noise.count) }) else {
            throw config.refusal(
                "steps_offset", "with \(count) steps it leads beyond the last of \(noise.count) timesteps")
        }
        return times.map { Int($0) }
    }

    func refuseThresholding() throws(ModelError) {
        try config.require("thresholding", isOneOf: [.bool(false)], "dynamic thresholding is not for latents")
    }

    func refuse(_ fields: [String], _ reason: String) throws(ModelError) {
        for field in fields { try config.require(field, isOneOf: [.bool(false)], reason) }
    }
}
