import Models
import Terms

/// The class of diffusers that a model names for its scheduler, and the file that names it.
///
/// ## Easy to get wrong
/// `model_index.json` and `scheduler_config.json` may name different classes. diffusers builds the one of the index, with what the
/// other file says for it.
struct SchedulerClass {
    /// The name; nil where no file gives one.
    let name: String?
    /// The file that gives it, or should.
    private let file: Config
    private let field: String

    /// - Parameter config: `scheduler_config.json`, which decides where the index says nothing.
    init(_ folder: ModelFolder, _ config: Config) throws(ModelError) {
        if folder.index.has("scheduler") {
            self.init(name: try folder.componentClass("scheduler"), file: folder.index, field: "scheduler")
        } else {
            self.init(config)
        }
    }

    /// The class that a scheduler's file names by itself.
    init(_ config: Config) {
        let name: String? = if case .string(let name)? = config.members["_class_name"] { name } else { nil }
        self.init(name: name, file: config, field: "_class_name")
    }

    private init(name: String?, file: Config, field: String) {
        self.name = name
        self.file = file
        self.field = field
    }

    /// The sampler that does what the class does with these settings.
    func sampler(_ config: Config) throws(ModelError) -> Sampler {
        let usesKarrasSigmas = config.members["use_karras_sigmas"] == .bool(true)
        let sampler = Sampler.allCases.first { sampler in
            sampler.method.className == name && sampler.method.usesKarrasSigmas ?? usesKarrasSigmas == usesKarrasSigmas
        }
        if let sampler { return sampler }
        let known = Set(SamplingMethod.all.values.map(\.className)).sorted()
        throw file.refusal(
            field,
            (name.map { "the scheduler '\($0)' is not supported" } ?? "no scheduler is named")
                + "; \(known.dropLast().joined(separator: ", ")) or \(known.last ?? "") would be,"
                + " and a job that names a \"sampler\" works all the same")
    }

    /// Refuses a class whose models were trained on another kind of noise than latentd's samplers take away.
    ///
    /// What they take away is `sqrt(alpha) * picture + sqrt(1 - alpha) * noise` over discrete timesteps. A class that is not known
    /// may do that: its file then has betas.
    func requireKnownNoise(_ config: Config) throws(ModelError) {
        guard let name, !SchedulerClass.ofKnownNoise.contains(name) else { return }
        let foreign = SchedulerClass.foreignFields.first(where: config.has)
        guard foreign != nil || !(config.has("beta_schedule") || config.has("trained_betas")) else { return }
        throw file.refusal(
            field,
            "'\(name)' is for models of another kind of noise"
                + (foreign.map { " ('\($0)' in \(config.file))" } ?? "")
                + "; no sampler of latentd's fits them, only models with a schedule of betas")
    }

    private static let ofKnownNoise: Set = [
        "DDIMScheduler", "DDIMInverseScheduler", "DDIMParallelScheduler", "DDPMScheduler", "DDPMParallelScheduler",
        "DEISMultistepScheduler", "DPMSolverMultistepScheduler", "DPMSolverMultistepInverseScheduler",
        "DPMSolverSDEScheduler", "DPMSolverSinglestepScheduler", "EulerAncestralDiscreteScheduler",
        "EulerDiscreteScheduler", "HeunDiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "KDPM2DiscreteScheduler",
        "LCMScheduler", "LMSDiscreteScheduler", "PNDMScheduler", "RePaintScheduler", "SASolverScheduler",
        "TCDScheduler", "UniPCMultistepScheduler",
    ]

    /// What only files of other kinds of noise have.
    private static let foreignFields = ["sigma_data", "shift", "snr_shift_scale", "snr"]

    /// The settings whose words are this class's own, and mean nothing to another one: diffusers' classes put a word of theirs in
    /// the place of what they find, and DPM-Solver++ its own in the place of that.
    var ownWords: [String] {
        switch name {
        case "DEISMultistepScheduler": ["algorithm_type", "solver_type"]
        case "SASolverScheduler": ["algorithm_type"]
        case "UniPCMultistepScheduler": ["solver_type"]
        default: []
        }
    }
}
