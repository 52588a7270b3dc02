import Models

/// Multistep latent consistency sampling (Luo et al., arXiv 2310.04378); diffusers' `LCMScheduler`.
struct LCMSolver: Solver {
    static let clipsByDefault: Bool? = false
    private var timestepScaling: Float = 10

    init() {}

    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        timestepScaling = Float(try setup.config.number("timestep_scaling", default: 10))
    }

    /// At most as many as the model was distilled with, of which a strength leaves a part.
    static func steps(
        _ configuration: SchedulerConfiguration, strength: Double, trained: Int
    ) throws(ModelError) -> (least: Int, most: Int) {
        (1, Int(Double(try configuration.originalSteps(of: trained)) * strength))
    }

    mutating func archive(_ archive: inout Archive) { archive(&timestepScaling) }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        let schedule = prediction.schedule
        let scaled = timestepScaling * schedule.timesteps[prediction.index]
        let skip = 0.25 / (scaled * scaled + 0.25), out = scaled / (scaled * scaled + 0.25).squareRoot()
        let picture = prediction.sample.indices.map { out * prediction.picture($0) + skip * prediction.sample[$0] }
        guard prediction.index + 1 < schedule.timesteps.count else { return picture }
        let (signal, spread) = schedule.scale.mixture(at: prediction.next)
        let noise = random.normals(picture.count)
        return picture.indices.map { signal * picture[$0] + spread * noise[$0] }
    }
}
