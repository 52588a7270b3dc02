import Glibc

/// The files of a queue on the disk: theirs who serves it, and nobody else's to open. Whoever could open them could lock them, and so
/// keep the daemon from starting or writing, and read everybody's prompts.
enum QueueFiles {
    private static let mode: mode_t = 0o600

    /// Opens the file at `path`, or creates it, for its owner alone. The caller closes it.
    static func open(_ path: String) throws(JobStoreError) -> CInt {
        // Opening a FIFO must not wait for a writer.
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, mode)
        guard descriptor >= 0 else { throw failure(path, errno) }
        do throws(JobStoreError) {
            try close(descriptor, path)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Makes sure that the database at `path` is there, and that it and what SQLite keeps beside it are for their owner alone.
    /// SQLite gives the files that it makes later the database's mode.
    static func close(_ path: String) throws(JobStoreError) {
        Glibc.close(try open(path))
        for ending in ["-wal", "-shm", "-journal"] {
            let beside = path + ending
            let descriptor = Glibc.open(beside, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            if descriptor < 0, errno == ENOENT { continue }
            guard descriptor >= 0 else { throw failure(beside, errno) }
            defer { Glibc.close(descriptor) }
            try close(descriptor, beside)
        }
    }

    /// The umask may have taken bits away, and an earlier release was more generous.
    private static func close(_ descriptor: CInt, _ path: String) throws(JobStoreError) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .cannotOpen(path: path, problem: "it is not a file") }
        guard status.st_uid == geteuid() else {
            throw .cannotOpen(path: path, problem: "it belongs to user \(status.st_uid), not to this one")
        }
        guard status.st_mode & 0o7777 == mode || fchmod(descriptor, mode) == 0 else { throw failure(path, errno) }
    }

    private static func failure(_ path: String, _ code: CInt) -> JobStoreError {
        .cannotOpen(path: path, problem: String(cString: strerror(code)))
    }
}
