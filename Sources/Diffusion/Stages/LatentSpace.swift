import Compute

/// The numbers between pixels and the denoiser.
struct LatentSpace: Sendable {
    let channels: Int
    /// Pixels of a side for one latent.
    let factor: Int
    /// What an autoencoder's latents are multiplied by for the denoiser.
    let scale: Float

    /// The latents of one picture, `[1, h, w, channels]`.
    func shape(_ settings: GenerationSettings) -> Shape {
        Shape(n: 1, h: settings.height / factor, w: settings.width / factor, c: channels)
    }
}

/// How a model is led towards the prompt.
enum Guidance: Sendable {
    /// By the difference to a second evaluation, of the negative prompt (Ho and Salimans, arXiv 2207.12598).
    case classifierFree
    /// By the scale itself, which the network takes as an embedding of so many channels (Meng et al., arXiv 2210.03142).
    case embedded(channels: Int)

    /// Evaluations of the network a step, in one batch.
    func evaluations(_ settings: GenerationSettings) -> Int {
        switch self {
        case .classifierFree: settings.guidanceScale > 1 ? 2 : 1
        case .embedded: 1
        }
    }
}
