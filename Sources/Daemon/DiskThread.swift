import Foundation
import Synchronization
import Varlink

/// A thread for what blocks for a disk, so that the cooperative pool, whose threads are as many as CPUs, never does.
package actor DiskThread {
    private let thread: ServiceThread

    package nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// A thread called `name`, which lives as long as the process.
    package init(name: String) { thread = ServiceThread(name: name, stackSize: 4 << 20) }

    /// Runs `body` on the thread, after what was asked for before.
    package func run<Value: Sendable, Failure: Error>(
        _ body: @Sendable () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body()
    }
}

/// A serial executor on a thread of its own, for an actor whose work blocks: minutes of inference, or a disk.
///
/// The thread sleeps on a semaphore while there is nothing to do, and lives as long as the process.
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

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
}
