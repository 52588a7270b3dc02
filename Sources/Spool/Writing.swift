import Glibc
import SystemPackage

/// Whether somebody still writes to a file, asked of the kernel: it grants a read lease only on a file that nobody has
/// open for writing (fcntl(2), F_SETLEASE).
///
/// ## Easy to get wrong
/// A writer who opens the file in the very moment of the lease makes the kernel send a signal, SIGIO unless another is
/// chosen, and SIGIO ends a process. SIGURG is ignored by default.
enum Writing {
    /// What the kernel says.
    enum State {
        case open
        case closed
        /// The file is another user's and we lack CAP_LEASE, or its file system has no leases.
        case unknown
    }

    // Not imported from C: the headers hide them without _GNU_SOURCE.
    private static let setSignal: CInt = 10
    private static let setLease: CInt = 1024

    static func state(of path: FilePath) -> State {
        let descriptor = path.withPlatformString { open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        guard descriptor >= 0 else { return .unknown }
        defer { close(descriptor) }
        guard fcntl(descriptor, setSignal, SIGURG) == 0 else { return .unknown }
        if fcntl(descriptor, setLease, CInt(F_RDLCK)) == 0 {
            // Closing the descriptor gives the lease back.
            return .closed
        }
        return errno == EAGAIN ? .open : .unknown
    }
}
