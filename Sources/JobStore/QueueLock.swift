import Glibc

/// The claim of one process on a queue: an exclusive `flock` on `queue.db.lock`, which the kernel drops with the process.
///
/// Without it two daemons would share one spool and paint every job twice. Nobody but the daemon's user can open the file, so that
/// nobody else can take the lock.
final class QueueLock: Sendable {
    private let descriptor: CInt

    /// Throws `inUse` when another process, or another store of this one, holds the queue at `path`.
    init(queueAt path: String) throws(JobStoreError) {
        descriptor = try QueueFiles.open(path + ".lock")
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let problem = errno
            close(descriptor)
            throw problem == EWOULDBLOCK
                ? .inUse(path: path) : .cannotOpen(path: path + ".lock", problem: String(cString: strerror(problem)))
        }
    }

    /// Lets others have the queue from now on.
    func release() { flock(descriptor, LOCK_UN) }

    /// Unlocks by name: closing alone would leave the lock with a child that was forked meanwhile and has not yet become
    /// its program.
    deinit {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
