import JSONText
import Output

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

    /// Writes the file to where a user named it; an old one is replaced whole.
    public func write(to path: String) throws(ModelError) {
        do throws(OutputError) { try OutputFile(path).write(bytes()) } catch {
            throw .unwritable(file: error.path, code: error.code)
        }
    }
}
