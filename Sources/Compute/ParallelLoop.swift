import CKernels
import Glibc
import Synchronization

/// One parallel loop at a time, shared by the thread that starts it and the workers that join it.
///
/// ```
/// word:  generation << 32 | open << 31 | workers inside
///        closed, 0 inside ── run: generation + 1, open ──► open, n inside ── all indices handed out ──► closed, n inside ──► closed, 0
/// ```
/// A worker enters only while the loop is open, so a late one never delays the end; `body`, `count` and `flag` change only while the
/// loop is closed and empty.
///
/// ## Easy to get wrong
/// A worker goes to sleep only after it announced itself in `sleepers` and then looked at the word again; the starter writes the
/// word and then looks at `sleepers`. Both are sequentially consistent: one of them sees the other.
final class ParallelLoop: @unchecked Sendable {  // All mutable state is atomic, or guarded by the word as said above.
    private typealias Body = (Int, Int) -> Void
    private static let open: UInt64 = 1 << 31
    /// Looks at the word before a worker sleeps: some 50 microseconds.
    private static let spins = 4000

    private let word = Atomic<UInt64>(0)
    private let next = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let stopping = Atomic<Bool>(false)
    private var count = 0
    private var body: UnsafePointer<Body>?
    private var flag: StopFlag?
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Runs the loop on this thread and on all workers that come in time. Where `flag` is raised, no further item is begun.
    func run(_ count: Int, stop flag: StopFlag?, _ body: (Int, Int) -> Void) {
        withoutActuallyEscaping(body) { escaping in
            withUnsafePointer(to: escaping) { pointer in
                self.body = pointer
                self.count = count
                self.flag = flag
                next.store(0, ordering: .relaxed)
                advance(opening: true)
                work(through: pointer.pointee, thread: 0)
                close()
                self.body = nil
                self.flag = nil
            }
        }
    }

    /// Ends `work` on all workers.
    func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        advance(opening: false)
    }

    /// A worker's life: joins every loop that it sees open.
    func work(as worker: Int) {
        var seen: UInt64 = 0
        while true {
            seen = waitForGeneration(after: seen)
            if stopping.load(ordering: .acquiring) { return }
            if enter(generation: seen) {
                if let body { work(through: body.pointee, thread: worker) }
                word.subtract(1, ordering: .releasing)
            }
        }
    }

    private func work(through body: Body, thread: Int) {
        let flag = flag
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            if index >= count { return }
            if let flag, flag.isRaised { return }
            body(index, thread)
        }
    }

    private func generation(_ word: UInt64) -> UInt64 { word >> 32 }

    /// Begins the next generation and wakes whoever sleeps.
    private func advance(opening: Bool) {
        let now = generation(word.load(ordering: .relaxed)) + 1
        word.store(now << 32 | (opening ? ParallelLoop.open : 0), ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(mutex)
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
    }

    /// Lets no more worker in and waits for those inside: each finishes the index it holds.
    private func close() {
        var now = word.bitwiseAnd(~ParallelLoop.open, ordering: .acquiringAndReleasing).newValue
        var looks = 0
        while now & (ParallelLoop.open - 1) != 0 {
            looks += 1
            if looks < ParallelLoop.spins { kernels_pause() } else { sched_yield() }
            now = word.load(ordering: .acquiring)
        }
    }

    private func enter(generation: UInt64) -> Bool {
        var now = word.load(ordering: .acquiring)
        while now & ParallelLoop.open != 0 && self.generation(now) == generation {
            let (entered, original) = word.weakCompareExchange(
                expected: now, desired: now + 1, ordering: .acquiringAndReleasing)
            if entered { return true }
            now = original
        }
        return false
    }

    private func waitForGeneration(after seen: UInt64) -> UInt64 {
        for _ in 0..<ParallelLoop.spins {
            let now = generation(word.load(ordering: .acquiring))
            if now != seen { return now }
            kernels_pause()
        }
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        sleepers.add(1, ordering: .sequentiallyConsistent)
        defer { sleepers.subtract(1, ordering: .sequentiallyConsistent) }
        while true {
            let now = generation(word.load(ordering: .sequentiallyConsistent))
            if now != seen { return now }
            pthread_cond_wait(condition, mutex)
        }
    }
}
