import Foundation
import Synchronization

/// A serial executor on a thread of its own, so that minutes of inference never hold a thread of the cooperative pool.
///
/// The thread sleeps on a semaphore while there is nothing to do, and lives as long as the process.
final class InferenceThread: SerialExecutor {
    private let pending = Mutex<[UnownedJob]>([])
    private let bell = DispatchSemaphore(value: 0)

    init() {
        let thread = Thread { [self] in
            while true {
                bell.wait()
                let job = pending.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                job?.runSynchronously(on: asUnownedSerialExecutor())
            }
        }
        thread.name = "inference"
        thread.stackSize = 16 << 20
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pending.withLock { $0.append(job) }
        bell.signal()
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }
}
