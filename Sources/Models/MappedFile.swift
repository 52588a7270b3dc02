import Glibc

/// A file's bytes, mapped read-only for as long as the object lives.
///
/// The pages are the page cache's: two processes that map the same file share them. The file must not shrink while it is
/// mapped (a model folder is replaced by rename, never written in place).
public final class MappedFile: @unchecked Sendable {  // Immutable after `init`; the mapping is never written.
    /// Where the file was when it was opened.
    public let path: String
    /// The whole file, for those who keep the object beside what they make of the bytes. All others use `withBytes`.
    ///
    /// ## Easy to get wrong
    /// Reading this property may be the last use of the object, and then the bytes are gone before they are looked at.
    public let bytes: UnsafeRawBufferPointer
    /// What the kernel said of the file when it was opened; nil for one that grows.
    let status: stat?

    /// Maps a regular file. An empty file has no bytes.
    public init(_ path: String) throws(ModelError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .missing(anyOf: [path]) : .unreadable(file: path, code: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .malformed(file: path, reason: "it is not a regular file")
        }
        self.path = path
        self.status = status
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
            throw .unreadable(file: path, code: errno)
        }
        bytes = UnsafeRawBufferPointer(start: memory, count: size)
    }

    /// Maps the first `size` bytes of an open file, which may be shorter and grow into them.
    init?(growing descriptor: Int32, size: Int, path: String) {
        guard let memory = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
            return nil
        }
        self.path = path
        status = nil
        bytes = UnsafeRawBufferPointer(start: memory, count: size)
    }

    deinit {
        if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    }

    /// Hands out the whole file, and keeps it mapped until `body` returns.
    public func withBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }

    /// Hands out the file as text in UTF-8: without the byte order mark that some editors put in front.
    public func withText<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try withBytes { bytes throws(Failure) in
            try body(
                UnsafeRawBufferPointer(rebasing: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]))
        }
    }

    /// Says that `part` of the bytes is not needed soon. Its pages stay in the page cache and can be read again, but count no longer as
    /// this process's resident memory.
    func release(_ part: UnsafeRawBufferPointer) {
        guard let offset = part.baseAddress.map({ $0 - start }) else { return }
        advise(windows(of: offset..<offset + part.count), MADV_DONTNEED)
    }

    /// The windows in which the kernel brings in a range of the bytes.
    ///
    /// ## Easy to get wrong
    /// The kernel maps the pages around one that is missing too, an aligned 64 KiB of addresses at a time: what takes memory, and has
    /// to go, are whole windows. None reaches beyond the mapping, where somebody else's memory is.
    func windows(of range: Range<Int>) -> Range<Int> {
        let base = Int(bitPattern: start)
        let first = (base + range.lowerBound) & ~(MappedFile.windowBytes - 1)
        let end = (base + range.upperBound + MappedFile.windowBytes - 1) & ~(MappedFile.windowBytes - 1)
        return max(first - base, 0)..<min(end - base, mappedBytes)
    }

    private static let windowBytes = 1 << 16

    /// The first byte, for those who keep the object. An empty file has none.
    var start: UnsafeRawPointer {
        guard let start = bytes.baseAddress else { preconditionFailure("\(path) is empty") }
        return start
    }

    /// The bytes of the mapping: whole pages.
    private var mappedBytes: Int {
        let page = sysconf(Int32(_SC_PAGESIZE))
        return (bytes.count + page - 1) / page * page
    }

    /// Advises the kernel about whole pages of the file. `range` begins and ends at pages of the mapping.
    func advise(_ range: Range<Int>, _ advice: Int32) {
        guard !range.isEmpty else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + range.lowerBound), range.count, advice)
    }

    /// True when something exists at `path`, whatever it is.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
