import Glibc

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
