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

/// What one mapped safetensors file holds.
///
/// The header is believed only after every number in it was checked: each tensor's bytes lie inside the file, are as many
/// as its shape and type ask for, and all tensors together cover the rest of the file once, without gap or overlap.
struct Safetensors: Sendable {
    /// The bytes, and the path for messages.
    let file: MappedFile
    /// Every tensor by its name.
    let entries: [String: TensorEntry]
    /// The free texts of `__metadata__`.
    let metadata: [String: String]

    /// The longest header that is read; the format's own limit.
    private static let longestHeader = 100_000_000

    /// The most bytes that a shape may ask for: more than any file has, and few enough that code elsewhere can multiply extents
    /// without overflow.
    static let largestTensor = 1 << 56

    /// Maps and checks a file.
    init(file path: String) throws(ModelError) { try self.init(MappedFile(path)) }

    /// Checks a mapped file.
    init(_ file: MappedFile) throws(ModelError) {
        do throws(ModelError) {
            try self.init(checking: file)
        } catch {
            throw file.hasChanged ? .changed(file: file.path) : error
        }
    }

    private init(checking file: MappedFile) throws(ModelError) {
        let path = file.path
        self.file = file
        let header = try Safetensors.header(of: file)
        guard case .object(var members) = header.json else {
            throw .malformed(file: path, reason: "the header is not an object")
        }
        metadata = try Safetensors.metadata(members.removeValue(forKey: "__metadata__"), path)
        var entries: [String: TensorEntry] = [:]
        entries.reserveCapacity(members.count)
        for (name, member) in members {
            entries[name] = try EntryFields(name, member, path).entry(in: file, dataStart: header.end)
        }
        self.entries = entries
        try Safetensors.requireCover(entries, from: header.end, to: file.bytes.count, path)
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
        _ entries: [String: TensorEntry], from start: Int, to end: Int, _ path: String
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

/// The three fields in which a header describes a tensor, before anything is believed.
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
        guard let format = TensorFormat(rawValue: type), format.blocks == nil else {
            throw wrong("dtype", "'\(type)' is not a known type")
        }
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

    func entry(in file: MappedFile, dataStart: Int) throws(ModelError) -> TensorEntry {
        let dataBytes = file.bytes.count - dataStart
        guard end <= dataBytes else {
            throw .badField(
                file: path, field: "\(name).data_offsets",
                reason: "it ends at \(end), the file has \(dataBytes) bytes of data")
        }
        // An empty tensor takes no bytes whatever its other extents are, but these are multiplied elsewhere.
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
        return TensorEntry(
            name: name, format: format, shape: shape, file: file, range: dataStart + begin..<dataStart + end)
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
