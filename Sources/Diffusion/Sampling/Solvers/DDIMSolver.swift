import Models

/// Denoising diffusion implicit models (Song et al., arXiv 2010.02502), deterministic; diffusers' `DDIMScheduler` with eta 0.
struct DDIMSolver: Solver {
    static let clipsByDefault: Bool? = true

    init() {}

    /// Each step ends a stride further down, wherever the next one begins.
    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        let noise = setup.noise
        let final = try setup.config.bool("set_alpha_to_one", default: true) ? 1 : noise.alphas[0]
        schedule.ends = schedule.timesteps.map { time in
            let next = Int(time) - noise.count / setup.steps
            return next >= 0 ? noise.alphas[next] : final
        }
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        prediction.mixedAnew()
    }
}

/// Trajectory consistency distillation (Zheng et al., arXiv 2402.19159), deterministic; diffusers' `TCDScheduler` with the `eta` of its
/// pipelines, 0.
struct TCDSolver: Solver {
    init() {}

    /// The last step ends at the first timestep, which still holds a little noise.
    init(_ setup: WalkSetup, _ schedule: inout Schedule) throws(ModelError) {
        schedule.ends[schedule.ends.count - 1] = setup.noise.alphas[0]
    }

    /// At most as many as the model was distilled with.
    static func steps(
        _ configuration: SchedulerConfiguration, strength: Double, trained: Int
    ) throws(ModelError) -> (least: Int, most: Int) {
        (1, try configuration.originalSteps(of: trained))
    }

    func step(_ prediction: Prediction, _ history: inout SolverHistory, _ random: inout RandomSource) -> [Float] {
        prediction.mixedAnew()
    }
}

extension Prediction {
    /// The picture and the noise, mixed as the level asks that the step goes to.
    fileprivate func mixedAnew() -> [Float] {
        let (signal, spread) = schedule.scale.mixture(at: next)
        return sample.indices.map { signal * picture($0) + spread * noise($0) }
    }
}
