import Models
import Terms

/// What the engine does for a sampler: the class of diffusers whose settings it reads, and the parts that it is made of.
struct SamplingMethod: Sendable {
    let className: String
    /// What `use_karras_sigmas` is in the sampler's own files; nil where any value goes.
    var usesKarrasSigmas: Bool?
    let schedule: @Sendable (WalkSetup) throws(ModelError) -> Schedule
    let solver: any Solver.Type

    /// Every sampler of `Sampler.allCases`.
    static let all: [Sampler: SamplingMethod] = [
        "ddim": .init(className: "DDIMScheduler", schedule: Schedule.discrete, solver: DDIMSolver.self),
        "euler": .init(className: "EulerDiscreteScheduler", schedule: Schedule.unscaled, solver: EulerSolver.self),
        "euler-a": .init(
            className: "EulerAncestralDiscreteScheduler", schedule: Schedule.unscaled, solver: EulerAncestralSolver.self
        ),
        "dpm++2m": .init(
            className: "DPMSolverMultistepScheduler", usesKarrasSigmas: false, schedule: Schedule.preserved,
            solver: DPMSolver.self),
        "dpm++2m-karras": .init(
            className: "DPMSolverMultistepScheduler", usesKarrasSigmas: true, schedule: Schedule.preserved,
            solver: DPMSolver.self),
        "lcm": .init(
            className: "LCMScheduler",
            schedule: { (setup) throws(ModelError) in try .distilled(setup, strength: setup.strength) },
            solver: LCMSolver.self),
        "pndm": .init(className: "PNDMScheduler", schedule: Schedule.discrete, solver: PNDMSolver.self),
        "ddpm": .init(className: "DDPMScheduler", schedule: Schedule.discrete, solver: DDPMSolver.self),
        "unipc": .init(
            className: "UniPCMultistepScheduler", schedule: Schedule.preserved, solver: UniPCSolver.self),
        "deis": .init(className: "DEISMultistepScheduler", schedule: Schedule.preserved, solver: DEISSolver.self),
        "heun": .init(className: "HeunDiscreteScheduler", schedule: Schedule.unscaled, solver: HeunSolver.self),
        "lms": .init(className: "LMSDiscreteScheduler", schedule: Schedule.unscaled, solver: LMSSolver.self),
        "tcd": .init(
            className: "TCDScheduler",
            schedule: { (setup) throws(ModelError) in try .distilled(setup, strength: 1) }, solver: TCDSolver.self),
    ]
}

extension Sampler {
    var method: SamplingMethod {
        guard let method = SamplingMethod.all[self] else { preconditionFailure("'\(rawValue)' has no method") }
        return method
    }
}

/// A step of a walk: from what the network says of a sample to the next sample.
///
/// A solver is its options, a value that a saved walk holds; what it keeps from step to step is in the history. Steps are taken in
/// order, each once; a walk may begin at any.
protocol Solver: Archived, Sendable {
    /// Reads the options from the scheduler's file. A solver whose steps end elsewhere than the schedule says changes that.
    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError)
    /// Whether `clip_sample` is on in its class of diffusers; nil where that does not know it.
    static var clipsByDefault: Bool? { get }
    /// The least and the most steps that it can take, of a model that was trained with `trained` timesteps.
    static func steps(
        _ configuration: SchedulerConfiguration, strength: Double, trained: Int
    ) throws(ModelError) -> (least: Int, most: Int)
    /// The next sample. Draws from `random` exactly as often as diffusers' scheduler does.
    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float]
    /// Whether its steps can go on from a history that was read from an archive, `first` being the first step of the walk.
    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool
}

/// Most solvers have no options, and take whatever schedule they get.
extension Solver {
    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) { self.init() }
    static var clipsByDefault: Bool? { nil }
    static func steps(
        _ configuration: SchedulerConfiguration, strength: Double, trained: Int
    ) throws(ModelError) -> (least: Int, most: Int) { (1, trained) }
    func fits(_ history: SolverHistory, _ schedule: Schedule, first: Int, elements: Int) -> Bool { true }
    mutating func archive(_ archive: inout Archive) {}
}

/// What a solver keeps from step to step.
struct SolverHistory: Sendable {
    /// Steps that this walk has taken.
    var steps = 0
    /// Outputs or pictures of the last steps, the latest first.
    var latest: [[Float]] = []
    /// The sample that a step of several evaluations began with, and the weighted sum of its outputs.
    var origin: [Float] = [], sum: [Float] = []
}
