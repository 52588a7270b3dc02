import Glibc
import JSONText

/// Collects tensors and writes them as one safetensors file, in the order of their addition.
public struct SafetensorsWriter: Sendable {
    private var header: [String] = []
    private var data: [UInt8] = []
    private var names: Set<String> = []
    /// Free texts for the header's `__metadata__`.
    public var metadata: [String: String] = [:]

    /// A file without tensors.
    public init() {}

    /// Adds floats in `shape`, slowest extent first.
    ///
    /// - Precondition: the name is new, and the values fill the shape.
    public mutating func add(_ name: String, _ values: [Float], shape: [Int]) {
        add(name, format: .f32, shape: shape, count: values.count) { target in
            values.withUnsafeBytes { target.append(contentsOf: $0) }
        }
    }

    /// Adds 32-bit integers in `shape`, slowest extent first.
    public mutating func add(_ name: String, _ values: [Int32], shape: [Int]) {
        add(name, format: .i32, shape: shape, count: values.count) { target in
            values.withUnsafeBytes { target.append(contentsOf: $0) }
        }
    }

    private mutating func add(
        _ name: String, format: TensorFormat, shape: [Int], count: Int, _ append: (inout [UInt8]) -> Void
    ) {
        precondition(names.insert(name).inserted, "the tensor '\(name)' was added twice")
        precondition(shape.reduce(1, *) == count, "\(count) values do not fill \(shape)")
        let begin = data.count
        append(&data)
        let extents = shape.map(String.init).joined(separator: ",")
        header.append(
            "\(JSONValue.string(name)):{\"dtype\":\"\(format.rawValue)\",\"shape\":[\(extents)],"
                + "\"data_offsets\":[\(begin),\(data.count)]}")
    }

    /// The whole file. The header is padded with spaces so that the data starts at a multiple of 8.
    public func bytes() -> [UInt8] {
        var members = header
        if !metadata.isEmpty {
            let texts = metadata.sorted { $0.key < $1.key }.map {
                "\(JSONValue.string($0.key)):\(JSONValue.string($0.value))"
            }
            members.insert("\"__metadata__\":{\(texts.joined(separator: ","))}", at: 0)
        }
        var text = Array("{\(members.joined(separator: ","))}".utf8)
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) }
        file.append(contentsOf: text)
        file.append(contentsOf: data)
        return file
    }

    /// Writes the file, so that a reader sees either none or all of it.
    public func write(to path: String) throws(ModelError) {
        let temporary = "\(path).\(getpid()).tmp"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .unwritable(file: path, code: errno) }
        let bytes = bytes()
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        let synced = written == bytes.count && fsync(descriptor) == 0
        let code = errno
        guard close(descriptor) == 0, synced, rename(temporary, path) == 0 else {
            let reason = synced ? errno : code
            unlink(temporary)
            throw .unwritable(file: path, code: reason)
        }
    }
}
