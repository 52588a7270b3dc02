import Foundation
import Synchronization
import Varlink

/// A serial executor on a thread of its own, for an actor whose work blocks: minutes of inference, or a disk.
///
/// So the cooperative pool's threads, of which there are as many as CPUs, are always free. The thread sleeps on a semaphore
/// while there is nothing to do, and lives as long as the process.
final class ServiceThread: SerialExecutor {
    private let pending = Mutex<[UnownedJob]>([])
    private let bell = DispatchSemaphore(value: 0)

    init(name: String, stackSize: Int) {
        let thread = Thread { [self] in
            nameThisThread(name)
            while true {
                bell.wait()
                let job = pending.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                job?.runSynchronously(on: asUnownedSerialExecutor())
            }
        }
        thread.stackSize = stackSize
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
