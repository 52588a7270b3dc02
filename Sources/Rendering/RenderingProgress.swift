/// How far a picture is: what the observer of a `Renderer` is told, on the rendering thread, at every sign of life.
public struct RenderingProgress: Equatable, Sendable {
    /// What is being done.
    public var stage: Stage
    /// Denoising steps that are done.
    public var step: Int
    /// Denoising steps in all.
    public var steps: Int
    /// 0...1, by predicted time where there is a prediction, else by steps.
    public var fraction: Double
    /// Since the rendering began.
    public var elapsedSeconds: Double
    /// Until the picture; nil while nothing is known.
    public var remainingSeconds: Double?

    /// The stages, in their order.
    public enum Stage: String, Sendable, CaseIterable, Codable {
        /// Reading the model.
        case loading
        /// The text encoder, and that of the picture to begin with.
        case encoding
        /// The steps.
        case denoising
        /// Latents to pixels.
        case decoding
        /// Pixels to a WebP.
        case writing
    }
}
