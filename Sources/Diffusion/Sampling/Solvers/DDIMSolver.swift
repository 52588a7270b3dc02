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
        let (signal, spread) = prediction.schedule.scale.mixture(at: prediction.next)
        return prediction.sample.indices.map { signal * prediction.picture($0) + spread * prediction.noise($0) }
    }
}
