import Models

/// What a walk goes by: levels of noise, what the network's outputs mean, and the solver. Made of a scheduler's file once.
public struct WalkPlan: Sendable {
    private(set) var sampler: Sampler
    private(set) var parameterization: Parameterization
    /// How far predicted pictures may go; nil when they are not clipped.
    private(set) var clipRange: Float?
    private(set) var schedule: Schedule
    private(set) var solver: any Solver
    /// The first evaluation of a walk: above 0 where one that begins with a picture leaves out steps.
    public private(set) var first: Int

    /// Reads the scheduler's file for a sampler.
    init(_ setup: WalkSetup, _ sampler: Sampler) throws(ModelError) {
        self.sampler = sampler
        parameterization = setup.parameterization
        clipRange = try setup.clipRange(default: setup.method.solver.clipsByDefault)
        schedule = try setup.method.schedule(setup)
        solver = try setup.method.solver.init(setup, &schedule)
        first = setup.firstStep
    }

    /// The network's timesteps in their order, one for each evaluation.
    public var timesteps: [Float] { schedule.timesteps }
    /// What the initial noise is multiplied with.
    public var initialNoiseScale: Float { schedule.initialNoiseScale }

    /// What the sample is divided by before the network sees it at an evaluation.
    func inputDivisor(_ index: Int) -> Float { schedule.scale.inputDivisor(at: schedule.levels[index]) }
}

/// One picture's way from noise to latents as a value: after each step, all that the next one depends on.
///
/// Elements are in any fixed order; noise is drawn channels first, so callers that compare with diffusers keep latents that way.
public struct Walk: Sendable {
    /// What the walk goes by.
    public private(set) var plan: WalkPlan
    /// The evaluation that comes next, from `plan.first` to the number of timesteps, where the walk is finished.
    public private(set) var position: Int
    /// The sample so far.
    public private(set) var latents: [Float]
    /// What the solver draws from, where it is now.
    public private(set) var random: RandomSource
    private var history = SolverHistory()

    /// A walk that has not begun.
    ///
    /// - Parameters:
    ///   - noise: a draw, unscaled.
    ///   - picture: latents to begin with, of the same count; they get as much noise as the first step expects (diffusers'
    ///     `add_noise`).
    ///   - random: what the solver is to draw from.
    /// - Precondition: the plan has a step left.
    public init(_ plan: WalkPlan, noise: [Float], over picture: [Float]? = nil, random: RandomSource) {
        self.plan = plan
        position = plan.first
        self.random = random
        if let picture {
            precondition(picture.count == noise.count, "\(noise.count) are no noise for \(picture.count)")
            let (signal, spread) = plan.schedule.scale.mixture(at: plan.schedule.levels[position])
            latents = noise.indices.map { signal * picture[$0] + spread * noise[$0] }
        } else {
            latents = noise.map { $0 * plan.initialNoiseScale }
        }
    }

    /// Whether no step is left.
    public var isFinished: Bool { position == plan.timesteps.count }

    /// Takes one step. Where the network throws, the walk stays as it was.
    ///
    /// - Parameter predict: the network, given its input (the latents, divided as it expects them) and its timestep; it answers with
    ///   as many elements, guidance applied.
    /// - Precondition: it is not finished.
    public mutating func step<Failure>(
        _ predict: (_ input: [Float], _ timestep: Float) throws(Failure) -> [Float]
    ) throws(Failure) {
        precondition(!isFinished, "A walk that is finished has no next step.")
        let divisor = plan.inputDivisor(position)
        let output = try predict(latents.map { $0 / divisor }, plan.timesteps[position])
        precondition(output.count == latents.count, "\(output.count) are no answer to \(latents.count) latents")
        let prediction = Prediction(plan, position, sample: latents, output: output)
        latents = plan.solver.step(prediction, &history, &random)
        history.steps += 1
        position += 1
    }
}
