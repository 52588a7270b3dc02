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
