import Models
import Terms

/// What a walk goes by: levels of noise, what the network's outputs mean, and the solver. Made of a scheduler's file once; a saved
/// walk holds it, and needs the file no more.
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
        first = sampler.firstEvaluation(ofStep: setup.firstStep)
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
/// ```
/// noise ─► Walk ─ step ─ step ─┬─ step ─► latents
///                              └─ bytes ─► (a file, another process) ─► Walk ─ step ─► the same latents
/// ```
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

/// The binary form of a walk.
///
/// ```
/// "latentd walk"   12 bytes
/// version          4 bytes, little-endian
/// fields           as `Archive` writes them: plan, position, latents, history, random source
/// SHA-256          of all before it, 64 hexadecimal digits
/// ```
extension Walk {
    private static let name = Array("latentd walk".utf8)
    private static let version: UInt32 = 1
    private static let digestLength = 64

    /// All of it, for a program that knows the same version.
    public var bytes: [UInt8] {
        var archive = Archive(), copy = self, version = Walk.version
        archive(&version)
        copy.archive(&archive)
        let head = Walk.name + archive.bytes
        return head + Array(head.withUnsafeBytes(SHA256.hexadecimal).utf8)
    }

    /// Reads what `bytes` gave.
    ///
    /// - Throws: `DiffusionError.unreadableWalk` for whatever else: cut short, damaged, of another version or another program.
    public init(bytes: [UInt8]) throws(DiffusionError) {
        let body = bytes.dropLast(Walk.digestLength)
        guard body.starts(with: Walk.name) else { throw .unreadableWalk(reason: "it is too short, or something else") }
        var archive = Archive(reading: Array(body.dropFirst(Walk.name.count)))
        var version: UInt32 = 0
        archive(&version)
        guard version == Walk.version else {
            throw .unreadableWalk(reason: "it has version \(version), and this program reads \(Walk.version)")
        }
        guard bytes.suffix(Walk.digestLength).elementsEqual(body.withUnsafeBytes(SHA256.hexadecimal).utf8) else {
            throw .unreadableWalk(reason: "it was cut short, or is damaged")
        }
        self.init()
        self.archive(&archive)
        if archive.left > 0 { archive.fail("it goes on after its end") }
        if archive.problem == nil, !isSound { archive.fail("its parts do not fit together") }
        if let problem = archive.problem { throw .unreadableWalk(reason: problem) }
    }

    private init() {
        plan = WalkPlan()
        (position, latents, random) = (0, [], RandomSource())
    }

    private mutating func archive(_ archive: inout Archive) {
        archive(&plan)
        archive(&position)
        archive(&latents)
        archive(&history)
        archive(&random)
    }

    /// Whether no step can find less than it needs.
    private var isSound: Bool {
        let schedule = plan.schedule, count = schedule.timesteps.count
        let kept = history.latest + [history.origin, history.sum].filter { !$0.isEmpty }
        return schedule.levels.count == count && schedule.ends.count == count && plan.first >= 0
            && (plan.first...max(plan.first, count)).contains(position) && position <= count
            && history.steps == position - plan.first && history.latest.count <= history.steps
            && kept.allSatisfy { $0.count == latents.count }
            && plan.solver.fits(history, schedule, first: plan.first, elements: latents.count)
    }
}

extension Walk: Codable {
    /// Reads the bytes of the binary form from any decoder.
    public init(from decoder: any Swift.Decoder) throws {
        try self.init(bytes: decoder.singleValueContainer().decode([UInt8].self))
    }

    /// Writes the bytes of the binary form: other forms do not keep every float.
    public func encode(to encoder: any Swift.Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(bytes)
    }
}

extension WalkPlan: Archived {
    init() {
        (sampler, parameterization, schedule, first) = (Sampler.allCases[0], .epsilon, Schedule(), 0)
        solver = sampler.method.solver.init()
    }

    mutating func archive(_ archive: inout Archive) {
        archive.choice(&sampler)
        archive.choice(&parameterization)
        archive(&clipRange)
        archive(&schedule)
        if archive.isReading { solver = sampler.method.solver.init() }
        solver.archive(&archive)
        archive(&first)
    }
}

extension Schedule: Archived {
    mutating func archive(_ archive: inout Archive) {
        archive(&timesteps)
        archive(&levels)
        archive(&ends)
        archive.choice(&scale)
        archive(&initialNoiseScale)
    }
}

extension SolverHistory: Archived {
    mutating func archive(_ archive: inout Archive) {
        archive(&steps)
        archive(&latest)
        archive(&origin)
        archive(&sum)
    }
}
