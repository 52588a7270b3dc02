/// Where a picture's time went.
public struct PipelineTimings: Hashable, Sendable {
    /// Opening files and preparing weights, all stages; next to nothing when they were resident.
    public var loading: Duration = .zero
    /// Tokenizer and text model.
    public var textEncoding: Duration = .zero
    /// The picture that it began with, to latents; zero where there was none.
    public var imageEncoding: Duration = .zero
    /// Each denoising step.
    public var steps: [Duration] = []
    /// Decoder.
    public var decoding: Duration = .zero
    /// From the call to the picture.
    public var total: Duration = .zero

    /// No time spent.
    public init() {}
}
