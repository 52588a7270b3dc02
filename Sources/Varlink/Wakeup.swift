import Glibc

/// A bell between threads that a `poll` can hear (a pair of sockets): any thread rings it, one thread waits for it beside a
/// connection.
public final class Wakeup: Sendable {
    /// The end that becomes readable.
    let descriptor: Int32
    private let button: Int32

    /// A silent bell. Throws when the process has no descriptor left.
    public init() throws(VarlinkError) {
        var ends: [Int32] = [-1, -1]
        let kind = SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        guard socketpair(AF_UNIX, Int32(kind), 0, &ends) == 0 else { throw .input(code: errno) }
        (descriptor, button) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(button)
    }

    /// Rings; rings before the next wait count as one.
    public func ring() {
        // A full pipe (EAGAIN) already wakes the waiter, which is all that a ring is for.
        _ = send(button, "!", 1, Int32(MSG_NOSIGNAL))
    }

    /// Silences the bell before the waiter looks at what changed.
    func silence() {
        var sink: UInt64 = 0
        while recv(descriptor, &sink, MemoryLayout<UInt64>.size, 0) > 0 {}
    }
}

/// Gives the calling thread the name that `/proc` and debuggers show, of which the kernel keeps 15 bytes.
///
/// Foundation keeps a thread's name to itself: there the new thread would bear that of the one which made it.
package func nameThisThread(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    // A thread without a name works as well.
    guard file >= 0 else { return }
    let bytes = Array(name.utf8)
    _ = write(file, bytes, bytes.count)
    close(file)
}
