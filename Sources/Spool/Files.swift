import Glibc
import SystemPackage

/// The file operations of the spool, each an error with its path when it fails. All of them block for the disk.
enum Files {
    /// Looks at `path` itself, never at what a link points to; nil when nothing is there.
    static func status(_ path: FilePath) throws(SpoolError) -> stat? {
        var status = stat()
        if path.withPlatformString({ lstat($0, &status) }) == 0 { return status }
        if errno == ENOENT { return nil }
        throw failure("look at", path)
    }

    /// Creates `path` with `bytes`, which are on the disk afterwards. The umask counts unless the permissions are `isExact`.
    static func write(
        _ bytes: [UInt8], to path: FilePath, permissions: mode_t, isExact: Bool = false
    ) throws(SpoolError) {
        let flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC
        let descriptor = path.withPlatformString { open($0, flags, permissions) }
        guard descriptor >= 0 else { throw failure("create", path) }
        defer { close(descriptor) }
        guard !isExact || fchmod(descriptor, permissions) == 0 else { throw failure("change", path) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("write", path) }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw failure("write", path) }
    }

    /// Reads the regular file at `path`, of at most `limit` bytes.
    static func read(_ path: FilePath, limit: Int) throws(SpoolError) -> [UInt8] {
        let descriptor = path.withPlatformString { open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure("read", path) }
        defer { close(descriptor) }
        return try read(descriptor, path, limit: limit)
    }

    /// Reads an open file to its end.
    static func read(_ descriptor: CInt, _ path: FilePath, limit: Int) throws(SpoolError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("read", path) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= limit else { throw .tooLarge(path, limit: limit) }
        }
    }

    /// Renames, in place of whatever was there, and leaves both folders on the disk. That the source is not there is an error.
    static func rename(_ source: FilePath, to target: FilePath) throws(SpoolError) {
        let result = source.withPlatformString { source in target.withPlatformString { Glibc.rename(source, $0) } }
        guard result == 0 else {
            guard errno == EXDEV else { throw failure("move", source) }
            throw .separateFilesystems(source.removingLastComponent(), target.removingLastComponent())
        }
        try synchronize(target.removingLastComponent())
        if source.removingLastComponent() != target.removingLastComponent() {
            try synchronize(source.removingLastComponent())
        }
    }

    /// Gives the file at `source` a second name, which must be free; answers whether it was.
    static func link(_ source: FilePath, to target: FilePath) throws(SpoolError) -> Bool {
        let result = source.withPlatformString { source in target.withPlatformString { Glibc.link(source, $0) } }
        if result == 0 { return true }
        if errno == EEXIST { return false }
        throw failure("create", target)
    }

    /// Removes the file at `path`; that nothing is there is as good.
    static func remove(_ path: FilePath) throws(SpoolError) {
        guard path.withPlatformString({ unlink($0) }) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    /// Leaves the names in `folder` on the disk.
    static func synchronize(_ folder: FilePath) throws(SpoolError) {
        let descriptor = folder.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw failure("open", folder) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("write", folder) }
    }

    /// The names in `folder`, without `.` and `..`, in no order.
    static func names(in folder: FilePath) throws(SpoolError) -> [FilePath.Component] {
        guard let directory = folder.withPlatformString({ opendir($0) }) else { throw failure("list", folder) }
        defer { closedir(directory) }
        var names: [FilePath.Component] = []
        errno = 0
        while let entry = readdir(directory) {
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            if let component = FilePath.Component(platformString: name), component.kind == .regular {
                names.append(component)
            }
            errno = 0
        }
        guard errno == 0 else { throw failure("list", folder) }
        return names
    }

    /// The error of the system call that has just failed.
    static func failure(_ operation: String, _ path: FilePath) -> SpoolError {
        .system(operation: operation, path: path, errno: Errno(rawValue: errno))
    }
}

extension stat {
    /// S_IFREG, S_IFDIR, ...
    var kind: mode_t { st_mode & S_IFMT }
}
