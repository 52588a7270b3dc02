import Glibc

/// A file without a name for what does not fit into memory. The kernel frees its room on the disk when the object goes, or the process.
public final class ScratchFile {
    /// Where it was made, for messages.
    private let path: String
    private let descriptor: Int32

    /// Makes a file on the disk of `directory`, which is made if it is not there.
    public init(directory: String) throws(ModelError) {
        mkdir(directory, 0o700)
        var name = Array("\(directory)/latentd-XXXXXX".utf8CString)
        descriptor = mkstemp(&name)
        path = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard descriptor >= 0 else { throw .unwritable(file: directory, code: errno) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(path)
    }

    deinit { close(descriptor) }

    /// Writes all bytes from `offset` on.
    public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(ModelError) {
        var done = 0
        while done < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
            guard count > 0 || errno == EINTR else { throw .unwritable(file: path, code: errno) }
            done += max(0, count)
        }
    }

    /// Reads all bytes from `offset` on; the page cache need not keep them.
    public func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(ModelError) {
        var done = 0
        while done < bytes.count {
            let count = pread(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
            guard count != 0 else { throw .malformed(file: path, reason: "it is shorter than it was") }
            guard count > 0 || errno == EINTR else { throw .unreadable(file: path, code: errno) }
            done += max(0, count)
        }
        posix_fadvise(descriptor, off_t(offset), off_t(bytes.count), POSIX_FADV_DONTNEED)
    }
}
