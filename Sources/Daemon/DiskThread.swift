/// A thread of its own for what blocks for a disk, so that the cooperative pool, whose threads are as many as CPUs, never does.
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
