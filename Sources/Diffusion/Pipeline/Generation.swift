/// A finished picture and how it came about.
public struct Generation: Sendable {
    /// The pixels.
    public let image: PixelBuffer
    /// Where the time went.
    public let timings: PipelineTimings
    /// The highest use of each stage's arena; equal to the plan's.
    public let activationPeakBytes: Int
    /// Which weights were in memory at the end: less than at the beginning where the budget fell.
    public let residency: Residency
}

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

/// What a pipeline tells its observer.
public enum PipelineProgress: Sendable {
    /// The stage's weights are about to be loaded, if they are not there yet, and the stage to run.
    case stage(StageName)
    /// A block of a network was computed: the sign of life that a watchdog may trust.
    case block
    /// Denoising step `number` of `count` (from 1) ended after `duration`.
    case step(Int, of: Int, duration: Duration)
}
