import Glibc

/// The place that a user named for a result, treated as a shell treats what stands behind `>`.
///
/// ```
/// -                                        standard output
/// /dev/stdout /dev/stderr /dev/fd/N        the open descriptor, where it stands
/// a FIFO, a device                         opened and written; a FIFO waits for its reader
/// a link                                   what it points to, which may not be there yet
/// a file                                   replaced whole, with its mode and owner
/// nothing                                  a new file, whose mode obeys the umask
/// ```
/// A file is replaced by a rename, so that a failed write leaves the old one and a reader sees either. Where that would change more
/// than the contents (a second name, an owner whom we cannot give it back to, a folder that we may not write) it is written in
/// place, after room for all of it was had. Call `ignoreSignals()` first in a process, or a closed pipe is the end of it.
public struct OutputFile: Sendable {
    /// As the user named it; `standard output` for `-`.
    public let name: String
    private let place: Place

    private enum Place {
        case descriptor(Int32)
        case path(String)
    }

    /// The standard output of this process.
    public static let standardOutput = OutputFile("-")

    /// The place called `name`, which is not looked at before something is written.
    public init(_ name: String) {
        self.name = name == "-" ? "standard output" : name
        place = Self.descriptor(of: name).map { .descriptor($0) } ?? .path(name)
    }

    /// Lets a closed pipe and a file beyond its limit be errors of the write, not signals that end the process.
    public static func ignoreSignals() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Whether what is written goes where this process prints: then nothing else may be printed there.
    public var isStandardOutput: Bool {
        guard case .path(let path) = place else {
            if case .descriptor(STDOUT_FILENO) = place { return true }
            return false
        }
        var file = stat(), output = stat()
        guard stat(path, &file) == 0, fstat(STDOUT_FILENO, &output) == 0, file.st_mode & S_IFMT != S_IFCHR else {
            return false
        }
        return file.st_dev == output.st_dev && file.st_ino == output.st_ino
    }

    /// Finds out early whether something could be written, and changes nothing: before work that takes long.
    public func check() throws(OutputError) {
        guard case .path(let name) = place else { return }
        var status = stat()
        if stat(name, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw failure(EISDIR) }
            guard access(name, W_OK) == 0 else { throw failure(errno) }
        } else {
            guard errno == ENOENT else { throw failure(errno) }
            guard access(Self.folder(of: try target(of: name)), W_OK | X_OK) == 0 else { throw failure(errno) }
        }
    }

    /// Writes all of `bytes`. Blocks for the disk, or for the reader.
    public func write(_ bytes: [UInt8]) throws(OutputError) {
        switch place {
        case .descriptor(let descriptor):
            try require(Descriptor.write(bytes, to: descriptor))
        case .path where isStandardOutput:
            try require(Descriptor.write(bytes, to: STDOUT_FILENO))
        case .path(let name):
            var status = stat()
            if stat(name, &status) != 0 {
                guard errno == ENOENT else { throw failure(errno) }
                try require(FileReplacement(path: try target(of: name), mode: nil, owner: nil).write(bytes))
            } else if status.st_mode & S_IFMT == S_IFREG {
                try replace(name, status, bytes)
            } else {
                try writeThrough(name, bytes)
            }
        }
    }

    /// Puts `bytes` in place of a file's contents.
    private func replace(_ name: String, _ old: stat, _ bytes: [UInt8]) throws(OutputError) {
        guard let real = realpath(name, nil) else { throw failure(errno) }
        defer { free(real) }
        let path = String(cString: real)
        // A file that we may not write is not replaced either.
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        if old.st_nlink == 1 {
            let replacement = FileReplacement(
                path: path, mode: old.st_mode & 0o7777, owner: (old.st_uid, old.st_gid))
            switch replacement.write(bytes) {
            case 0: return
            case EACCES, EPERM, EROFS, EBUSY, EXDEV, ENAMETOOLONG: break
            case let code: throw failure(code)
            }
        }
        try require(Self.overwrite(descriptor, Int(old.st_size), bytes))
    }

    /// Writes over a file in place. Room is had first, so that what can fail has failed before a byte of the old contents is gone.
    private static func overwrite(_ descriptor: Int32, _ oldSize: Int, _ bytes: [UInt8]) -> Int32 {
        if bytes.count > oldSize {
            let code = posix_fallocate(descriptor, 0, bytes.count)
            guard code == 0 else {
                ftruncate(descriptor, oldSize)
                return code
            }
        }
        let code = Descriptor.write(bytes, to: descriptor)
        guard code == 0 else { return code }
        return ftruncate(descriptor, bytes.count) == 0 && fsync(descriptor) == 0 ? 0 : errno
    }

    private func writeThrough(_ path: String, _ bytes: [UInt8]) throws(OutputError) {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw failure(errno) }
        let code = Descriptor.write(bytes, to: descriptor)
        guard close(descriptor) == 0 || code != 0 else { throw failure(errno) }
        try require(code)
    }

    /// What links lead to, the last of which leads to nothing yet.
    private func target(of path: String) throws(OutputError) -> String {
        var path = path
        for _ in 0..<40 {
            var status = stat()
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return path }
            var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &buffer, Int(PATH_MAX))
            guard count >= 0 else { throw failure(errno) }
            // What stands in for bytes that are no text leads nowhere, and says so.
            let link = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
            path = link.hasPrefix("/") ? link : "\(Self.folder(of: path))/\(link)"
        }
        throw failure(ELOOP)
    }

    /// The folder that a path's last name lies in.
    static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The descriptor that a name stands for, as a shell has it.
    private static func descriptor(of name: String) -> Int32? {
        switch name {
        case "-", "/dev/stdout": return STDOUT_FILENO
        case "/dev/stderr": return STDERR_FILENO
        default:
            let folder = ["/dev/fd/", "/proc/self/fd/"].first { name.hasPrefix($0) }
            let number = folder.map { name.dropFirst($0.count) } ?? ""
            return number.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int32(number) : nil
        }
    }

    private func require(_ code: Int32) throws(OutputError) {
        if code != 0 { throw failure(code) }
    }

    private func failure(_ code: Int32) -> OutputError { OutputError(path: name, code: code) }
}
