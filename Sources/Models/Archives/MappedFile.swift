import CMapping
import Glibc

/// A file's bytes, mapped read-only for as long as the object lives.
///
/// The pages are the page cache's: two processes that map the same file share them. A model folder is replaced by rename. Where a file
/// is written in place instead, the bytes are no longer those of one file: pages that it lost read as zeros, `hasChanged` says so,
/// and what was made of them has to be thrown away.
public final class MappedFile: @unchecked Sendable {  // Immutable once others see it; the mapping is never written.
    /// Where the file was when it was opened.
    public let path: String
    /// The whole file, for callers that keep the object as long as they use the bytes. All others use `withBytes`.
    ///
    /// ## Easy to get wrong
    /// Reading this property may be the last use of the object, and then the bytes are gone before they are looked at.
    public let bytes: UnsafeRawBufferPointer
    /// What the kernel said of the file when it was opened; nil for one that grows.
    private(set) var status: stat?
    /// Stays open, to ask for the file's state whatever has its name meanwhile; -1 without a file.
    private var descriptor: Int32 = -1
    /// Whether the bytes are in no file, so that pages which were let go would be lost.
    private var isPrivate = false
    /// Where the mapping is known as ours to the handler of SIGBUS; -1 without bytes.
    private let slot: Int32

    /// Maps a regular file. An empty file has no bytes.
    public init(_ path: String) throws(ModelError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .missing(anyOf: [path]) : .unreadable(file: path, code: errno)
        }
        do throws(ModelError) {
            let status = try MappedFile.regularStatus(of: descriptor, path)
            (bytes, slot) = try MappedFile.map(descriptor, size: Int(status.st_size), path)
            self.status = status
        } catch {
            close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    private static func regularStatus(of descriptor: Int32, _ path: String) throws(ModelError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .malformed(file: path, reason: "it is not a regular file")
        }
        return status
    }

    private static func map(
        _ descriptor: Int32, size: Int, _ path: String
    ) throws(ModelError) -> (bytes: UnsafeRawBufferPointer, slot: Int32) {
        guard size > 0 else { return (UnsafeRawBufferPointer(start: nil, count: 0), -1) }
        guard let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), memory != MAP_FAILED else {
            throw .unreadable(file: path, code: errno)
        }
        let slot = mapping_register(memory, size)
        guard slot >= 0 else {
            munmap(memory, size)
            throw .unreadable(file: path, code: EMFILE)
        }
        return (UnsafeRawBufferPointer(start: memory, count: size), slot)
    }

    /// Maps the first `size` bytes of an open file, which may be shorter and grow into them.
    init?(growing descriptor: Int32, size: Int, path: String) {
        guard let memory = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
            return nil
        }
        slot = mapping_register(memory, size)
        guard slot >= 0 else {
            munmap(memory, size)
            errno = EMFILE
            return nil
        }
        self.path = path
        status = nil
        bytes = UnsafeRawBufferPointer(start: memory, count: size)
    }

    /// Bytes of ours in the place of a file's: nothing changes them, and letting them go does nothing.
    ///
    /// - Parameter path: what messages call them.
    init(contents: [UInt8], path: String) throws(ModelError) {
        self.path = path
        slot = -1
        guard !contents.isEmpty else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS
        guard let memory = mmap(nil, contents.count, PROT_READ | PROT_WRITE, flags, -1, 0), memory != MAP_FAILED else {
            throw .unreadable(file: path, code: errno)
        }
        memory.copyMemory(from: contents, byteCount: contents.count)
        bytes = UnsafeRawBufferPointer(start: memory, count: contents.count)
        isPrivate = true
    }

    deinit {
        if let start = bytes.baseAddress {
            if slot >= 0 { mapping_unregister(slot) }
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
        if descriptor >= 0 { close(descriptor) }
    }

    /// Called when the file behind `growing` has all its bytes and its name: from here on changes to it are noticed.
    func finishGrowing(_ growing: Int32) {
        var status = stat()
        let copy = fcntl(growing, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0, fstat(copy, &status) == 0 else { return }
        descriptor = copy
        self.status = status
    }

    /// Whether somebody wrote into the file since it was mapped, or took bytes away that were read.
    ///
    /// A file that was replaced by rename has not changed: its bytes are still there, without a name. Nor has a file that only got another
    /// name, owner, mode or number of links.
    public var hasChanged: Bool {
        if slot >= 0, mapping_is_torn(slot) { return true }
        guard let status, descriptor >= 0 else { return false }
        var now = stat()
        guard fstat(descriptor, &now) == 0 else { return true }
        if now.st_size != status.st_size || now.st_mtim.nanoseconds != status.st_mtim.nanoseconds { return true }
        guard now.st_ctim.nanoseconds != status.st_ctim.nanoseconds else { return false }
        let isSameEntry =
            now.st_mode == status.st_mode && now.st_uid == status.st_uid && now.st_gid == status.st_gid
            && now.st_nlink == status.st_nlink
        // Written, and the date set back; but a rename changes that time as well.
        var named = stat()
        return isSameEntry && stat(path, &named) == 0 && named.st_ino == now.st_ino && named.st_dev == now.st_dev
    }

    /// Differs for a file that had the same name before or gets it later: size and date.
    var state: String {
        status.map { "\($0.st_size) \($0.st_mtim.nanoseconds)" } ?? ""
    }

    /// How often any file was found shorter than its mapping since the process began. Cheap to ask: only when it moved need `hasChanged`
    /// be asked of each file.
    public static var tears: UInt64 { mapping_tears() }

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

    /// Tells the kernel that `part` of the bytes is not needed soon. Its pages stay in the page cache and can be read again, but no longer
    /// count as this process's resident memory.
    func release(_ part: UnsafeRawBufferPointer) {
        guard let offset = part.baseAddress.map({ $0 - start }) else { return }
        advise(windows(of: offset..<offset + part.count), MADV_DONTNEED)
    }

    /// The range of the mapping that the kernel brings in when a range of the bytes is read.
    ///
    /// ## Easy to get wrong
    /// With a missing page the kernel maps its neighbours, an aligned 64 KiB of addresses at a time: whole windows take memory, and whole
    /// windows have to be let go. None reaches beyond the mapping, where other memory lies.
    func windows(of range: Range<Int>) -> Range<Int> {
        let base = Int(bitPattern: start)
        let first = (base + range.lowerBound) & ~(MappedFile.windowBytes - 1)
        let end = (base + range.upperBound + MappedFile.windowBytes - 1) & ~(MappedFile.windowBytes - 1)
        return max(first - base, 0)..<min(end - base, mappedBytes)
    }

    private static let windowBytes = 1 << 16

    /// The first byte, for callers that keep the object.
    ///
    /// - Precondition: the file is not empty.
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
        guard !range.isEmpty, !isPrivate else { return }
        madvise(UnsafeMutableRawPointer(mutating: start + range.lowerBound), range.count, advice)
    }

    /// Whether a path leads to a regular file.
    public static func isRegular(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// The names in a folder, sorted; nil where it cannot be read, and then `errno` says why.
    public static func names(in folder: String) -> [String]? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// True when something exists at `path`, whatever it is.
    public static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
