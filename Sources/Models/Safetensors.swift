// A safetensors file:
//
//   ┌────────────┬──────────────────────────────┬───────────────────────────────┐
//   │ N: u64, LE │ N bytes of JSON, the header  │ the tensors' bytes, no gaps   │
//   └────────────┴──────────────────────────────┴───────────────────────────────┘
//   header: { "name": { "dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end] }, ...,
//             "__metadata__": { "key": "text", ... } }       offsets count from the end of the header
//
// https://github.com/huggingface/safetensors#format

import JSONText

/// The tensors of one mapped safetensors file.
///
/// The header is believed only after every number in it was checked: each tensor's bytes lie inside the file, are as many
/// as its shape and type ask for, and all tensors together cover the rest of the file once, without gap or overlap.
public struct Safetensors: Sendable {
    /// One tensor's place in the file.
    public struct Entry: Hashable, Sendable {
        /// The type of the elements.
        public let format: TensorFormat
        /// The extent, slowest first; empty for a scalar.
        public let shape: [Int]
        /// Where the bytes are, from the start of the file.
        public let range: Range<Int>

        /// Elements.
        public var count: Int { range.count / format.byteCount }
    }

    /// The bytes, and the path for messages.
    public let file: MappedFile
    /// Every tensor by its name.
    public let entries: [String: Entry]
    /// The free texts of `__metadata__`.
    public let metadata: [String: String]

    /// Longest header that is read; the format's own limit.
    static let longestHeader = 100_000_000

    /// The most bytes that a shape may ask for: more than any file has, and few enough that multiplying on does not overflow.
    static let largestTensor = 1 << 56

    /// Maps and checks a file.
    public init(file path: String) throws(ModelError) {
        let file = try MappedFile(path)
        do throws(ModelError) {
            try self.init(file)
        } catch {
            throw file.hasChanged ? .changed(file: path) : error
        }
    }

    private init(_ file: MappedFile) throws(ModelError) {
        let path = file.path
        self.file = file
        let header = try Safetensors.header(of: file)
        guard case .object(var members) = header.json else {
            throw .malformed(file: path, reason: "the header is not an object")
        }
        metadata = try Safetensors.metadata(members.removeValue(forKey: "__metadata__"), path)
        var entries: [String: Entry] = [:]
        entries.reserveCapacity(members.count)
        for (name, member) in members {
            let fields = try EntryFields(name, member, path)
            entries[name] = try fields.entry(dataStart: header.end, fileSize: file.bytes.count)
        }
        self.entries = entries
        try Safetensors.requireCover(entries, from: header.end, to: file.bytes.count, path)
    }

    /// The bytes of a tensor, valid as long as `file` lives.
    public func bytes(_ entry: Entry) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[entry.range])
    }

    private static func header(of file: MappedFile) throws(ModelError) -> (json: JSON, end: Int) {
        guard file.bytes.count >= 8 else { throw .malformed(file: file.path, reason: "it is shorter than 8 bytes") }
        let claimed = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
        guard claimed <= UInt64(min(longestHeader, file.bytes.count - 8)) else {
            throw .malformed(
                file: file.path,
                reason: "its header claims \(claimed) bytes in a file of \(file.bytes.count)")
        }
        let end = 8 + Int(claimed)
        do throws(JSONError) {
            return (try JSON(parsing: UnsafeRawBufferPointer(rebasing: file.bytes[8..<end])), end)
        } catch {
            throw .malformed(file: file.path, reason: "the header: \(error)")
        }
    }

    private static func metadata(_ json: JSON?, _ path: String) throws(ModelError) -> [String: String] {
        guard let json else { return [:] }
        guard case .object(let members) = json else {
            throw .malformed(file: path, reason: "the header's '__metadata__' is not an object")
        }
        var texts: [String: String] = [:]
        for (name, member) in members {
            guard case .string(let text) = member else {
                throw .malformed(file: path, reason: "the header's '__metadata__.\(name)' is not a string")
            }
            texts[name] = text
        }
        return texts
    }

    /// Every byte after the header belongs to exactly one tensor.
    private static func requireCover(
        _ entries: [String: Entry], from start: Int, to end: Int, _ path: String
    ) throws(ModelError) {
        var covered = start
        let ordered = entries.sorted {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
        }
        for (name, entry) in ordered {
            guard entry.range.lowerBound >= covered else {
                throw .malformed(file: path, reason: "the tensor '\(name)' overlaps another")
            }
            guard entry.range.lowerBound == covered else {
                throw .malformed(
                    file: path, reason: "\(entry.range.lowerBound - covered) bytes before '\(name)' belong to no tensor"
                )
            }
            covered = entry.range.upperBound
        }
        guard covered == end else {
            throw .malformed(file: path, reason: "\(end - covered) bytes at the end belong to no tensor")
        }
    }
}

/// The three fields that a header says about a tensor, before anything is believed.
private struct EntryFields {
    let name: String
    let path: String
    let format: TensorFormat
    let shape: [Int]
    let begin: Int
    let end: Int

    init(_ name: String, _ json: JSON, _ path: String) throws(ModelError) {
        func wrong(_ field: String, _ reason: String) -> ModelError {
            .badField(file: path, field: "\(name).\(field)", reason: reason)
        }
        guard case .object(let fields) = json else {
            throw .badField(file: path, field: name, reason: "it is not an object")
        }
        guard case .string(let type)? = fields["dtype"] else { throw wrong("dtype", "it is not a string") }
        guard let format = TensorFormat(rawValue: type) else { throw wrong("dtype", "'\(type)' is not a known type") }
        guard let shape = fields["shape"]?.extents else { throw wrong("shape", "it is not an array of sizes") }
        guard let offsets = fields["data_offsets"]?.extents, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw wrong("data_offsets", "it is not a pair of ascending offsets")
        }
        self.name = name
        self.path = path
        self.format = format
        self.shape = shape
        begin = offsets[0]
        end = offsets[1]
    }

    func entry(dataStart: Int, fileSize: Int) throws(ModelError) -> Safetensors.Entry {
        guard end <= fileSize - dataStart else {
            throw .badField(
                file: path, field: "\(name).data_offsets",
                reason: "it ends at \(end), the file has \(fileSize - dataStart) bytes of data")
        }
        // An empty tensor takes no bytes whatever its other extents are, and these are multiplied elsewhere.
        var room = format.byteCount
        for extent in shape where extent > 0 {
            let (product, overflow) = room.multipliedReportingOverflow(by: extent)
            guard !overflow, product <= Safetensors.largestTensor else {
                throw .badField(file: path, field: "\(name).shape", reason: "\(shape) is too large")
            }
            room = product
        }
        let bytes = shape.contains(0) ? 0 : room
        guard bytes == end - begin else {
            throw .badField(
                file: path, field: "\(name).data_offsets",
                reason: "\(end - begin) bytes do not hold \(format.rawValue) elements of shape \(shape)")
        }
        return Safetensors.Entry(format: format, shape: shape, range: dataStart + begin..<dataStart + end)
    }
}

extension JSON {
    /// An array of exact integers that are not negative.
    fileprivate var extents: [Int]? {
        guard case .array(let elements) = self else { return nil }
        var extents: [Int] = []
        for case .integer(let extent) in elements where extent >= 0 { extents.append(extent) }
        return extents.count == elements.count ? extents : nil
    }
}
