/// Where tensors live and how they are computed: an arena, a pool of threads and the kernels of this CPU.
///
/// In measuring mode every operation allocates as it would and computes nothing, so that a dry run of a model's code
/// gives `arena.peakBytes` of the real one. One thread owns a context.
public final class Context {
    /// The memory of every tensor that the context makes.
    public let arena: Arena
    /// The threads that compute.
    public let pool: ThreadPool
    /// Called by a model's code after each block: progress that a watchdog can trust.
    public var onBlock: (() -> Void)?

    /// A context that computes in `arena`.
    public init(arena: Arena, pool: ThreadPool) throws(ComputeError) {
        self.arena = arena
        self.pool = pool
    }

    /// True when operations allocate and do not compute.
    public var isMeasuring: Bool { arena.isMeasuring }

    /// A new tensor; its elements are undefined.
    public func tensor(_ shape: Shape, _ type: ElementType = .float32) -> Tensor {
        Tensor(shape: shape, type: type, buffer: Buffer(arena, byteCount: shape.byteCount(type)))
    }

    /// A new tensor with the given elements. `values` may be empty while measuring.
    public func tensor(_ shape: Shape, _ values: [Float]) -> Tensor {
        let result = tensor(shape)
        if !isMeasuring {
            precondition(values.count == shape.count, "\(values.count) values do not fill \(shape)")
            _ = result.floats.update(from: values)
        }
        return result
    }
}
