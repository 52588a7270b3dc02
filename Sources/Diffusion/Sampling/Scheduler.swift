/// A walk from noise to latents: which timesteps the network sees, and what to do with its answers.
///
/// Samples and outputs are elements in any fixed order; noise is drawn in channels-first order, so callers that compare
/// with diffusers keep samples that way.
public protocol Scheduler {
    /// The network's timesteps in their order; one call of `step` for each.
    var timesteps: [Float] { get }
    /// What the initial noise is multiplied with.
    var initialNoiseScale: Float { get }
    /// What the sample is divided by before the network sees it at this step.
    func inputDivisor(_ index: Int) -> Float
    /// How much of a picture and how much noise there is in the sample that this step begins with.
    func mixture(_ index: Int) -> (picture: Float, noise: Float)
    /// Moves `sample` one step on, given the network's output (guidance applied) for step `index`. Steps must be taken in
    /// order, each once; a walk may begin at any. Draws from `random` exactly as often as diffusers' scheduler does.
    mutating func step(_ index: Int, output: [Float], sample: inout [Float], random: inout any RandomSource)
}

extension Scheduler {
    /// Most samplers show the network the sample as it is.
    public func inputDivisor(_ index: Int) -> Float { 1 }

    /// A picture's latents with as much noise as step `index` begins with; diffusers' `add_noise`.
    public func noised(_ latents: [Float], with noise: [Float], at index: Int) -> [Float] {
        let parts = mixture(index)
        return latents.indices.map { parts.picture * latents[$0] + parts.noise * noise[$0] }
    }
}
