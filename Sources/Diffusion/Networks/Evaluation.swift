import Compute

/// Where networks compute, and who is told of each block.
public struct Evaluation {
    /// Memory, threads and kernels.
    public let context: Context
    /// Receives each block's result under its path in the checkpoint, such as `down_blocks.0.resnets.1`; never while
    /// measuring. The tensor may be overwritten when the call returns.
    public var tap: ((String, Tensor) -> Void)?
    /// Keeps the weights of one block in memory; nil leaves them all there.
    var stream: WeightStream?

    /// Computes in `context`.
    public init(_ context: Context, tap: ((String, Tensor) -> Void)? = nil) {
        self.context = context
        self.tap = tap
    }

    /// Says that a block is done, to the stream of weights, the context's `onBlock` and the tap.
    func finished(_ path: String, _ result: Tensor) {
        stream?.finished(path)
        guard !context.isMeasuring else { return }
        context.onBlock?()
        tap?(path, result)
    }

    /// Says that what a block makes of the text, once a picture, is done.
    func remembered(_ path: String) {
        stream?.passed(path)
        if !context.isMeasuring { context.onBlock?() }
    }
}
