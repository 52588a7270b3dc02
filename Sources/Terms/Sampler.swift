/// A way to walk from noise to a picture, under the word that a job uses for it.
///
/// `allCases` is the table: the job's schema, the `parameters` line of a picture, `--help` and the README follow from it. What the
/// engine does for a word is a line of `Diffusion`'s table, and a test holds the two together.
public struct Sampler: RawRepresentable, Hashable, Sendable, CaseIterable, Codable {
    /// The word in a job: `euler-a`.
    public let rawValue: String
    /// What other tools for generated pictures call it: `Euler a`.
    public let title: String
    private let pace: Pace

    /// How evaluations of the network follow from a job's steps.
    private enum Pace {
        /// One a step; a walk that begins with a picture leaves out the first steps.
        case everyStep
        /// One a step, of few steps, all of which are taken over the last part of the timesteps.
        case lastPart
        /// The first step is taken twice, or the first three in four evaluations each.
        case repeatedStart
        /// Two a step but the last; a walk that begins with a picture leaves out the first steps.
        case twice
    }

    /// Every sampler, in the order in which lists show them.
    public static let allCases: [Sampler] = [
        Sampler("ddim", "DDIM"),
        Sampler("euler", "Euler"),
        Sampler("euler-a", "Euler a"),
        Sampler("dpm++2m", "DPM++ 2M"),
        Sampler("dpm++2m-karras", "DPM++ 2M Karras"),
        Sampler("lcm", "LCM", .lastPart),
        Sampler("pndm", "PNDM", .repeatedStart),
        Sampler("ddpm", "DDPM"),
        Sampler("unipc", "UniPC"),
        Sampler("deis", "DEIS"),
        Sampler("heun", "Heun", .twice),
        Sampler("lms", "LMS"),
        Sampler("tcd", "TCD"),
    ]

    /// The words of all samplers, separated by commas.
    public static var list: String { allCases.map(\.rawValue).joined(separator: ", ") }

    private init(_ word: String, _ title: String, _ pace: Pace = .everyStep) {
        rawValue = word
        self.title = title
        self.pace = pace
    }

    /// The sampler of a word; nil where there is none.
    public init?(rawValue word: String) {
        guard let sampler = Sampler.allCases.first(where: { $0.rawValue == word }) else { return nil }
        self = sampler
    }

    /// Whether its first steps may take more than one evaluation each.
    public var repeatsItsStart: Bool { pace == .repeatedStart }

    /// The first of `steps` that is taken when a walk begins with a picture; `steps` when none is.
    ///
    /// Most samplers leave out the first steps, as diffusers' `StableDiffusionImg2ImgPipeline` does. A latent consistency model
    /// has few, and takes them all over the last part of its timesteps, as `LatentConsistencyModelImg2ImgPipeline` does.
    public func firstStep(of steps: Int, strength: Double) -> Int {
        pace == .lastPart ? 0 : steps - min(Int(Double(steps) * strength), steps)
    }

    /// The evaluations that come before a step, where none is left out.
    public func firstEvaluation(ofStep step: Int) -> Int { pace == .twice ? 2 * step : step }

    /// How often the network is asked.
    ///
    /// - Parameters:
    ///   - strength: of a walk that begins with a picture, else 1.
    ///   - runsRungeKutta: whether the model's files have PNDM begin with Runge-Kutta steps, of four evaluations each.
    /// - Returns: 0 when not one step is left.
    public func evaluations(of steps: Int, strength: Double = 1, runsRungeKutta: Bool = false) -> Int {
        let taken = steps - firstStep(of: steps, strength: strength)
        if pace == .twice, taken > 0 { return 2 * taken - 1 }
        guard repeatsItsStart, taken > 0 else { return taken }
        return taken + (runsRungeKutta ? 9 : steps > 1 ? 1 : 0)
    }
}

extension Sampler: ExpressibleByStringLiteral {
    /// The sampler of a word that code names.
    ///
    /// - Precondition: `allCases` has it.
    public init(stringLiteral word: String) {
        guard let sampler = Sampler(rawValue: word) else { preconditionFailure("'\(word)' is no sampler") }
        self = sampler
    }
}
