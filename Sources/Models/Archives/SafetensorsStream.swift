import Glibc
import JSONText

/// Writes a safetensors file tensor by tensor. All tensors are announced first, since the header stands at the beginning; after that
/// no more than one tensor need be in memory.
///
/// The file grows under its final name: to make it appear whole, write into a folder that is renamed.
final class SafetensorsStream {
    /// A tensor that will be written.
    struct Plan: Sendable {
        let name: String
        let format: TensorFormat
        let shape: [Int]

        var byteCount: Int { shape.reduce(format.byteCount, *) }
    }

    private let path: String
    private let descriptor: Int32
    private let byteCount: Int
    private var written = 0

    /// Creates the file and writes its header.
    init(_ path: String, _ plans: [Plan], metadata: [String: String]) throws(ModelError) {
        self.path = path
        var members = ["\"__metadata__\":\(JSON.object(metadata.mapValues(JSON.string)).text)"]
        var begin = 0
        for plan in plans {
            let extents = plan.shape.map(String.init).joined(separator: ",")
            members.append(
                "\(JSONValue.string(plan.name)):{\"dtype\":\"\(plan.format.rawValue)\",\"shape\":[\(extents)],"
                    + "\"data_offsets\":[\(begin),\(begin + plan.byteCount)]}")
            begin += plan.byteCount
        }
        byteCount = begin
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .unwritable(file: path, code: errno) }
        var text = Array("{\(members.joined(separator: ","))}".utf8)
        while text.count % 64 != 56 { text.append(UInt8(ascii: " ")) }
        let header = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
        try append(header)
        written = 0
    }

    deinit { close(descriptor) }

    /// Writes the next bytes of the tensors, in the order of the plans.
    func append(_ values: [some BitwiseCopyable]) throws(ModelError) {
        try values.withUnsafeBytes { bytes in
            Result { () throws(ModelError) in try append(bytes) }
        }.get()
    }

    /// Brings the file to the disk.
    ///
    /// - Precondition: as many bytes were appended as the plans have.
    func finish() throws(ModelError) {
        precondition(written == byteCount, "\(written) of \(byteCount) bytes were written")
        guard fsync(descriptor) == 0 else { throw .unwritable(file: path, code: errno) }
    }

    /// Writes the next bytes of the tensors, in the order of the plans.
    func append(_ bytes: UnsafeRawBufferPointer) throws(ModelError) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .unwritable(file: path, code: count < 0 ? errno : ENOSPC) }
            done += count
        }
        written += bytes.count
    }
}
