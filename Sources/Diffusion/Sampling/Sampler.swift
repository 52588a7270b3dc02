/// The ways to walk from noise to a picture, under the names that jobs use.
public enum Sampler: String, Hashable, Sendable, CaseIterable, Codable {
    /// Denoising diffusion implicit models, deterministic (eta 0).
    case ddim
    /// Euler's method on the probability-flow equation.
    case euler
    /// Euler with fresh noise each step.
    case eulerAncestral = "euler-a"
    /// DPM-Solver++, second order, multistep.
    case dpmSolver = "dpm++2m"
    /// The same on Karras' noise levels.
    case dpmSolverKarras = "dpm++2m-karras"
    /// Latent consistency models: one to eight steps.
    case lcm
    /// Pseudo numerical methods: the sampler of stock Stable Diffusion 1 folders. An evaluation more than steps, or nine more.
    case pndm
    /// Denoising diffusion probabilistic models, with fresh noise each step: the sampler of many training scripts' folders.
    case ddpm

    /// The first of `steps` that is taken when a walk begins with a picture; `steps` when none is.
    ///
    /// Most samplers leave out the first steps, as diffusers' `StableDiffusionImg2ImgPipeline` does. A latent consistency model
    /// has few, and takes them all over the last part of its timesteps, as `LatentConsistencyModelImg2ImgPipeline` does.
    public func firstStep(of steps: Int, strength: Double) -> Int {
        self == .lcm ? 0 : steps - min(Int(Double(steps) * strength), steps)
    }
}
