import Compute
import Glibc
import JSONText

/// Writes a file of prepared weights while a component is loaded, weight by weight, and hands out each one where it lies in the
/// mapped file, so that only one weight at a time takes private memory.
///
/// Weights that cannot be written (a full disk) stay in private memory, and nothing is published. The file appears by rename; a
/// process that dies before leaves a `.tmp` that the next one takes over or removes.
final class PreparedBuilder {
    private let path: String, temporary: String
    private let descriptor: Int32
    private let metadata: [String: String]
    /// The file, mapped beyond its end: it grows into the mapping.
    let file: MappedFile
    private var header: [String] = []
    private var checksums: [UInt64] = []
    private let dataStart: Int
    private var end: Int
    private(set) var problem: ModelError?
    private var isDone = false

    /// Takes over the empty, locked file behind `descriptor`, which lies at `temporary`.
    ///
    /// - Parameters:
    ///   - headerBytes: room for the header of all weights that may be added.
    ///   - size: room for their bytes.
    init(
        _ descriptor: Int32, temporary: String, path: String, metadata: [String: String], headerBytes: Int, size: Int
    ) throws(ModelError) {
        let start = (headerBytes + WeightMemory.alignment - 1) / WeightMemory.alignment * WeightMemory.alignment
        guard let file = MappedFile(growing: descriptor, size: start + size, path: path) else {
            let code = errno
            close(descriptor)
            throw .unwritable(file: temporary, code: code)
        }
        self.descriptor = descriptor
        self.temporary = temporary
        self.path = path
        self.metadata = metadata.merging([PreparedFile.finite.key: PreparedFile.finite.value]) { first, _ in first }
        self.file = file
        dataStart = start
        end = start
    }

    /// Removes an unfinished file, where loading threw. The lock is held until the file is closed.
    deinit {
        if !isDone { unlink(temporary) }
        close(descriptor)
    }

    /// Adds a weight of `byteCount` bytes, a multiple of `WeightMemory.alignment`, that `fill` writes.
    func add(
        _ name: String, tag: String, byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> WeightMemory {
        let memory = WeightMemory(byteCount: byteCount, fill: fill)
        if end + byteCount > file.bytes.count { problem = problem ?? .unwritable(file: temporary, code: EFBIG) }
        guard problem == nil else { return memory }
        checksums.append(Checksum.of(memory.bytes))
        guard write(memory.bytes, at: end) else { return memory }
        describe("\(name): \(tag)", .u8, count: byteCount, begin: end - dataStart, end: end - dataStart + byteCount)
        let range = end..<end + byteCount
        end += byteCount
        return WeightMemory(mapped: UnsafeRawBufferPointer(rebasing: file.bytes[range]), owner: file)
    }

    /// Completes the file and gives it its name; the weights stay where they are. Afterwards nothing may be added.
    func publish() throws(ModelError) {
        if let problem { throw problem }
        let begin = end - dataStart
        let listBytes = 8 * (checksums.count + 2)
        describe(PreparedFile.checksums, .u64, count: checksums.count + 2, begin: begin, end: begin + listBytes)
        let header = try wholeHeader()
        checksums.insert(header.withUnsafeBytes { Checksum.of($0) }, at: 0)
        checksums.append(checksums.map(\.littleEndian).withUnsafeBytes { Checksum.of($0) })
        let list = checksums.map(\.littleEndian)
        guard header.withUnsafeBytes({ write($0, at: 0) }), list.withUnsafeBytes({ write($0, at: end) }) else {
            throw problem ?? .unwritable(file: temporary, code: EIO)
        }
        guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw .unwritable(file: path, code: errno)
        }
        isDone = true
        file.finishGrowing(descriptor)
    }

    /// Removes what was written; the weights stay.
    func discard() {
        isDone = true
        unlink(temporary)
    }

    private func describe(_ name: String, _ format: TensorFormat, count: Int, begin: Int, end: Int) {
        header.append(
            "\(JSONValue.string(name)):{\"dtype\":\"\(format.rawValue)\",\"shape\":[\(count)],\"data_offsets\":[\(begin),\(end)]}"
        )
    }

    private func wholeHeader() throws(ModelError) -> [UInt8] {
        let texts = metadata.sorted { $0.key < $1.key }.map {
            "\(JSONValue.string($0.key)):\(JSONValue.string($0.value))"
        }
        let members = ["\"__metadata__\":{\(texts.joined(separator: ","))}"] + header
        let text = Array("{\(members.joined(separator: ","))}".utf8)
        guard text.count <= dataStart - 8 else {
            throw .malformed(file: temporary, reason: "the header outgrew its room")
        }
        let padding = [UInt8](repeating: UInt8(ascii: " "), count: dataStart - 8 - text.count)
        return withUnsafeBytes(of: UInt64(dataStart - 8).littleEndian) { Array($0) } + text + padding
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = pwrite(
                descriptor, bytes.baseAddress.map { $0 + written }, bytes.count - written, offset + written)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                problem = .unwritable(file: temporary, code: count < 0 ? errno : ENOSPC)
                return false
            }
            written += count
        }
        return true
    }
}
