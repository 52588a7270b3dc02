import CKernels

/// Where tensors live and how they are computed: an arena, a pool of threads and the kernels of this CPU.
///
/// In measuring mode every operation allocates as it would and computes nothing, so that a dry run of a model's code
/// gives `arena.peakBytes` of the real one. One thread owns a context.
///
/// A context that stopped goes on like that: what is left of a network runs through in no time, and its results are undefined. It stops
/// when a block says so (`giveUp`) or when the pool's flag is raised, and does not start again.
public final class Context {
    /// The memory of every tensor that the context makes.
    public let arena: Arena
    /// The threads that compute.
    public let pool: ThreadPool
    /// The instruction set in use.
    public let table: KernelTable
    /// Called by a model's code after each block: progress that a watchdog can trust.
    public var onBlock: (() -> Void)?
    let blas: BLAS?
    private var isGivenUp = false
    private var isInScratch = false

    /// A context that computes in `arena` with the kernels of `table` (nil: `KernelTable.selected()`).
    public init(arena: Arena, pool: ThreadPool, table: KernelTable? = nil) throws(ComputeError) {
        self.arena = arena
        self.pool = pool
        if let table {
            self.table = table
        } else {
            self.table = try KernelTable.selected()
        }
        if arena.isMeasuring {
            blas = nil
        } else {
            blas = try BLAS.shared()
        }
    }

    /// True when operations allocate and do not compute: measuring, or stopped.
    ///
    /// ## Easy to get wrong
    /// Another thread may stop a context between two looks. It never starts again: what was not made is not asked for later.
    public var isMeasuring: Bool { arena.isMeasuring || isStopped }

    /// True when operations do not compute any more.
    public var isStopped: Bool { isGivenUp || pool.stop?.isRaised ?? false }

    /// Leaves out everything that is left to compute. For a block's end, on the thread that computes.
    public func giveUp() { isGivenUp = true }

    var kernels: kernels { table.functions }

    /// A new tensor; its elements are undefined.
    public func tensor(_ shape: Shape, _ type: ElementType = .float32) -> Tensor {
        Tensor(shape: shape, type: type, buffer: buffer(shape.byteCount(type)))
    }

    /// Memory that is nobody's tensor.
    func buffer(_ byteCount: Int) -> Buffer {
        Buffer(arena, offset: allocate(byteCount), byteCount: byteCount)
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

    /// Runs `body` with `count` floats of scratch memory; while measuring takes the memory and does not run it. Hence `body`
    /// must not take more memory: the dry run would not see it.
    func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        let bytes = count * MemoryLayout<Float>.stride
        let offset = allocate(bytes)
        if !isMeasuring, let memory = arena.pointer(at: offset) {
            isInScratch = true
            body(memory.assumingMemoryBound(to: Float.self))
            isInScratch = false
        }
        arena.release(offset: offset, bytes: bytes)
    }

    private func allocate(_ bytes: Int) -> Int {
        precondition(!isInScratch, "memory taken where a dry run would not see it")
        return arena.allocate(bytes)
    }

    /// Runs `body` over `0 ..< count` in parallel, in ranges of `chunk`. Ranges follow from `count` alone.
    func parallel(_ count: Int, chunk: Int, _ body: (Range<Int>) -> Void) {
        pool.parallelFor((count + chunk - 1) / chunk) { index in
            body(index * chunk..<min(count, (index + 1) * chunk))
        }
    }
}
