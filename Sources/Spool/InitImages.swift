import Glibc
import Jobs
import SystemPackage

extension Spool {
    /// The largest file that a job may begin with, in bytes.
    public static let maximumImageFileSize = 64 << 20

    /// The bytes of the picture at `path`, a job's `init_image`. Only a regular file is opened, and no link is followed, not on the
    /// way to it either: each name is looked up in the folder that was opened before it.
    public func readInitImage(_ path: String) throws(SpoolError) -> [UInt8] {
        var reached = root
        var folder = reached.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard folder >= 0 else { throw Files.failure("open", reached) }
        defer { close(folder) }
        let names = SpoolPath.components(of: path)
        for name in names.dropLast() {
            reached.append(name)
            let next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { throw Self.refusal(of: reached) }
            close(folder)
            folder = next
        }
        let name = names[names.count - 1]
        reached.append(name)
        // Opening a FIFO must not wait for a writer.
        let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        guard file >= 0 else { throw Self.refusal(of: reached) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Files.failure("look at", reached) }
        guard status.kind == S_IFREG else { throw .notAFile(reached) }
        guard status.st_size <= Self.maximumImageFileSize else {
            throw .tooLarge(reached, limit: Self.maximumImageFileSize)
        }
        return try Files.read(file, reached, limit: Self.maximumImageFileSize)
    }

    /// What the failed opening of `path` means.
    private static func refusal(of path: FilePath) -> SpoolError {
        [ELOOP, ENOTDIR, ENXIO].contains(errno) ? .notAFile(path) : Files.failure("read", path)
    }
}
