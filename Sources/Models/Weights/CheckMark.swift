import Glibc

/// A mark that all bytes of a file were checked, so that this need not be repeated while the host runs and the file stays as it is:
/// one line in `FILE.checked`.
///
/// ```
/// BOOT DEVICE INODE SIZE MODIFIED CHANGED      the host's boot, then what stat said of the file that was checked; times in nanoseconds
/// ```
/// Writing into the file or replacing it changes this line: even where the date of modification is set back, the time of the inode's
/// change is not. A crash of the host may lose bytes without changing any of these numbers, so a mark holds for one boot only. A mark that is missing, torn
/// or wrong costs a check and nothing else.
struct CheckMark {
    private let path: String
    /// Nil where the system does not say enough: then the file counts as not checked, and no mark is written.
    private let line: String?
    /// Whether any later change of the file would show in its times.
    private let isSettled: Bool

    /// The mark that a file has, or would have. Must be made before the bytes are checked: what is written meanwhile then makes it wrong.
    init(_ file: MappedFile) {
        path = CheckMark.path(of: file.path)
        guard let status = file.status, let boot = CheckMark.boot() else {
            (line, isSettled) = (nil, false)
            return
        }
        line =
            "\(boot) \(status.st_dev) \(status.st_ino) \(status.st_size) \(status.st_mtim.nanoseconds) "
            + "\(status.st_ctim.nanoseconds)\n"
        // Files take their times from this clock: a second change within one tick would not show.
        var now = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &now)
        isSettled = status.st_ctim.nanoseconds < now.nanoseconds
    }

    /// Whether the file was checked as it is.
    var isSet: Bool { line != nil && CheckMark.text(path) == line }

    /// Writes the mark. If this fails, the next process checks the file again.
    func set() {
        guard let line, isSettled else { return }
        let temporary = "\(path).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let count = line.utf8.count
        guard write(descriptor, line, count) == count, rename(temporary, path) == 0 else {
            unlink(temporary)
            return
        }
    }

    /// Removes the mark of a file that is gone.
    static func remove(of file: String) { unlink(path(of: file)) }

    private static func path(of file: String) -> String { "\(file).checked" }

    /// What tells this boot of the host from every other; nil where the kernel does not say.
    private static func boot() -> Substring? {
        text("/proc/sys/kernel/random/boot_id")?.split(separator: "\n").first
    }

    /// What a short file holds.
    private static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
        }
    }
}

extension timespec {
    /// Nanoseconds since the clock's beginning.
    var nanoseconds: Int { tv_sec * 1_000_000_000 + tv_nsec }
}
