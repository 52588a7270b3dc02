import Models
import Terms

/// `scheduler_config.json`, turned into the walk of any sampler as diffusers' `from_config` does: a key that is there
/// is carried over, a key that is not takes the default of the sampler's own class.
///
/// A key that asks for something that is not implemented is refused by its name, where the sampler reads it. A key that it does
/// not read is passed over.
public struct SchedulerConfiguration: Sendable {
    /// The file's members.
    public let config: Config
    /// Those whose words mean nothing to another class than the one that the model names.
    private let ownMembers: [String: JSON]
    private let schedulerClass: SchedulerClass
    private let repairsDefaults: Bool

    /// The members as they are.
    public init(_ config: Config) {
        self.init(config, SchedulerClass(config), repairs: false)
    }

    /// The folder's configuration as diffusers' pipeline sees it.
    ///
    /// - Parameter repairs: whether that pipeline repairs old files.
    ///
    /// ## Easy to get wrong
    /// `StableDiffusionPipeline` repairs old files before anything runs: `steps_offset` becomes 1 and `clip_sample` false.
    /// What the file leaves out counts as the default of the class that the model names, and is repaired too, but stays
    /// with that class: another sampler takes its own default.
    public init(_ folder: ModelFolder, repairs: Bool) throws(ModelError) {
        let config = try folder.config("scheduler", "scheduler_config.json")
        self.init(config, try SchedulerClass(folder, config), repairs: repairs)
    }

    private init(_ config: Config, _ schedulerClass: SchedulerClass, repairs: Bool) {
        var members = config.members
        if case .array(let names)? = members["_use_default_values"] {
            // What diffusers wrote down although nobody had set it.
            for case .string(let name) in names { members[name] = nil }
        }
        // To Python null is as good as false.
        for field in SchedulerConfiguration.flags where members[field] == .null { members[field] = .bool(false) }
        var ownMembers: [String: JSON] = [:]
        for field in schedulerClass.ownWords { ownMembers[field] = members.removeValue(forKey: field) }
        self.ownMembers = ownMembers
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

    /// The members as a class of diffusers gets them.
    func config(for className: String) -> Config {
        guard schedulerClass.name == className else { return config }
        return Config(file: config.file, members: config.members.merging(ownMembers) { first, _ in first })
    }

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
        return [try trial((try? schedulerClass.sampler(config)) ?? Sampler.allCases[0])]
    }

    /// The sampler, unless the settings ask for something that it cannot do.
    private func trial(_ sampler: Sampler) throws(ModelError) -> Sampler {
        _ = try plan(sampler, leastSteps(sampler), strength: 1)
        return sampler
    }

    /// The least steps that a sampler can take.
    public func leastSteps(_ sampler: Sampler) throws(ModelError) -> Int { try steps(sampler, strength: 1).least }

    /// The least steps that a sampler can take, and the most: the timesteps that the model was trained, or distilled, with.
    private func steps(_ sampler: Sampler, strength: Double) throws(ModelError) -> (least: Int, most: Int) {
        let trained = try config.integer("num_train_timesteps", default: 1000, in: 2...100_000)
        return try sampler.method.solver.steps(self, strength: strength, trained: trained)
    }

    /// Whether `pndm` begins with Runge-Kutta steps, of four evaluations each.
    public func runsRungeKutta() throws(ModelError) -> Bool { try !config.bool("skip_prk_steps", default: false) }

    /// The timesteps that a latent consistency model was distilled from.
    func originalSteps(of trained: Int) throws(ModelError) -> Int {
        try config.integer("original_inference_steps", default: 50, in: 1...trained)
    }

    /// True when the model names this class, so that what its file leaves out was repaired with the rest.
    func repairs(_ className: String) -> Bool { repairsDefaults && schedulerClass.name == className }

    /// What a walk of so many steps goes by.
    ///
    /// - Parameter strength: of a walk that begins with a picture; what it means is `Sampler.firstStep`'s to say.
    public func plan(_ sampler: Sampler, steps: Int, strength: Double = 1) throws(DiffusionError) -> WalkPlan {
        let (least, most) = try DiffusionError.wrapping { () throws(ModelError) in
            try self.steps(sampler, strength: strength)
        }
        guard most > 0 else {
            throw .setting(field: "strength", reason: "\(strength) leaves none of the model's timesteps")
        }
        guard steps >= least, steps <= most else {
            throw .setting(field: "steps", reason: "\(steps) is not between \(least) and \(most)")
        }
        return try DiffusionError.wrapping { () throws(ModelError) in try plan(sampler, steps, strength: strength) }
    }

    private func plan(_ sampler: Sampler, _ steps: Int, strength: Double) throws(ModelError) -> WalkPlan {
        try schedulerClass.requireKnownNoise(config)
        return try WalkPlan(WalkSetup(self, sampler, steps: steps, strength: strength), sampler)
    }
}
