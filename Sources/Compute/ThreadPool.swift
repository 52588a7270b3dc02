import Glibc

/// The threads that compute, the caller among them.
///
/// Workers spin for some microseconds after a loop and then sleep until the next: an idle pool wakes nobody. One thread owns
/// a pool; loops are not nested.
public final class ThreadPool {
    /// Threads that take part in a parallel loop, the caller included.
    public let threads: Int
    /// Ends loops before their time: where it is raised, no further item of a loop is begun, and what a loop should have written is
    /// undefined. Changed between loops only.
    public var stop: StopFlag?
    private let loop = ParallelLoop()
    private var workers: [pthread_t] = []

    /// Starts `threads - 1` workers.
    public init(threads: Int) throws(ComputeError) {
        precondition(threads > 0, "a pool needs at least the caller's thread")
        self.threads = threads
        for worker in 1..<max(threads, 1) {
            try start(worker)
        }
    }

    deinit {
        loop.stop()
        for worker in workers { pthread_join(worker, nil) }
    }

    /// Runs `body(0) ..< body(count)`, in any order, on all threads, and returns when every call has returned. Where
    /// `stop` is raised, calls are left out.
    public func parallelFor(_ count: Int, _ body: (Int) -> Void) {
        parallelFor(count) { index, _ in body(index) }
    }

    /// The same; the body also learns which thread (`0 ..< threads`) runs it, to use that thread's scratch memory.
    func parallelFor(_ count: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
        if threads == 1 || count <= 1 {
            let stop = stop
            for index in 0..<count {
                if let stop, stop.isRaised { return }
                body(index, 0)
            }
        } else {
            loop.run(count, stop: stop, body)
        }
    }

    private func start(_ worker: Int) throws(ComputeError) {
        let argument = Unmanaged.passRetained(Start(loop: loop, worker: worker))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                start.loop.work(as: start.worker)
                return nil
            }, argument.toOpaque())
        guard code == 0 else {
            argument.release()
            throw .threadRefused(code: code)
        }
        workers.append(thread)
    }
}

/// What a new worker needs to know.
private final class Start {
    let loop: ParallelLoop
    let worker: Int

    init(loop: ParallelLoop, worker: Int) {
        self.loop = loop
        self.worker = worker
    }
}
