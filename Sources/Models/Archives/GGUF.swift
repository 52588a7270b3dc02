// A GGUF file, versions 2 and 3, little-endian:
//
//   ┌────────┬──────────────┬───────────────────┬────────────────────────┬──────────┬─────────┬─────────┬───────────────────┐
//   │ "GGUF" │ version: u32 │ tensor_count: u64 │ metadata_kv_count: u64 │ metadata │ tensors │ padding │ the tensors' bytes│
//   └────────┴──────────────┴───────────────────┴────────────────────────┴──────────┴─────────┴─────────┴───────────────────┘
//   metadata: key: string, type: u32, value           an array: type: u32, count: u64, values
//   tensor:   name: string, n_dimensions: u32, extents: u64, the fastest first, type: u32, offset: u64
//   string:   length: u64, UTF-8
//
// The tensors' bytes begin at a multiple of `general.alignment`, 32 where the metadata does not say it, and so does each tensor; offsets
// count from there.
//
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/// What one mapped GGUF file holds.
///
/// Every number is checked before it is believed: counts and lengths against the bytes that are left, extents and offsets against the
/// file, and no two tensors share a byte. Shapes have the slowest extent first, as everywhere here.
///
/// A converter that stores filters as rows of 256 elements, since filters are no whole blocks otherwise, says in the metadata
/// `comfy.gguf.orig_shape.NAME` what shape they had; that shape is taken.
struct GGUF: Sendable {
    /// The bytes, and the path for messages.
    let file: MappedFile
    /// Every tensor by its name.
    let entries: [String: TensorEntry]
    /// Strings, and numbers as text; arrays are left out.
    let metadata: [String: String]

    private static let magic = Array("GGUF".utf8)

    /// Whether the file says that it is GGUF.
    static func isFormat(of file: MappedFile) -> Bool { file.withBytes { $0.starts(with: magic) } }

    /// Checks a mapped file.
    init(_ file: MappedFile) throws(ModelError) {
        do throws(ModelError) {
            try self.init(checking: file)
        } catch {
            throw file.hasChanged ? .changed(file: file.path) : error
        }
    }

    private init(checking file: MappedFile) throws(ModelError) {
        self.file = file
        var cursor = GGUFCursor(file)
        precondition(GGUF.isFormat(of: file), "\(file.path) is no GGUF")
        cursor.position = GGUF.magic.count
        let version: UInt32 = try cursor.integer("version")
        guard version == 0 || version & 0xFFFF != 0 else {
            throw cursor.refusal("version", "the file is big-endian; only little-endian files are read")
        }
        guard version == 2 || version == 3 else {
            throw cursor.refusal("version", "\(version) is not supported; 2 and 3 are")
        }
        // The shortest tensor and the shortest pair: without extents, and with a value of a byte.
        let tensorCount = try cursor.count("tensor_count", leastBytes: 24)
        let pairCount = try cursor.count("metadata_kv_count", leastBytes: 13)

        let header = try GGUFMetadata(count: pairCount, &cursor)
        metadata = header.texts
        var tensors: [GGUFTensor] = []
        for index in 0..<tensorCount { tensors.append(try GGUFTensor(index, &cursor)) }
        let dataStart = (cursor.position + header.alignment - 1) / header.alignment * header.alignment
        var entries: [String: TensorEntry] = [:]
        for (index, tensor) in tensors.enumerated() {
            let range = try tensor.range(in: file, from: dataStart, alignment: header.alignment)
            let shape = try tensor.shape(header.shapes[tensor.name], in: file)
            let entry = TensorEntry(name: tensor.name, format: tensor.format, shape: shape, file: file, range: range)
            guard entries.updateValue(entry, forKey: tensor.name) == nil else {
                throw cursor.refusal("tensors[\(index)].name", "'\(tensor.name)' appears twice")
            }
        }
        self.entries = entries
        try GGUF.requireApart(entries, file.path)
    }

    /// No byte belongs to two tensors. Bytes between them may belong to none.
    private static func requireApart(_ entries: [String: TensorEntry], _ path: String) throws(ModelError) {
        var end = 0
        for entry in entries.values.sorted(by: { ($0.range.lowerBound, $0.name) < ($1.range.lowerBound, $1.name) }) {
            guard entry.range.lowerBound >= end else {
                throw .badField(file: path, field: "\(entry.name).offset", reason: "the tensor overlaps another")
            }
            end = entry.range.upperBound
        }
    }
}

/// One tensor as the header describes it.
private struct GGUFTensor {
    let name: String
    let format: TensorFormat
    /// The slowest first.
    private let extents: [Int]
    private let offset: UInt64

    private static let mostDimensions = 4
    /// By the numbers of ggml.
    private static let formats: [UInt32: TensorFormat] = [
        0: .f32, 1: .f16, 2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2_k, 11: .q3_k, 12: .q4_k, 13: .q5_k,
        14: .q6_k, 24: .i8, 25: .i16, 26: .i32, 27: .i64, 28: .f64, 30: .bf16,
    ]

    init(_ index: Int, _ cursor: inout GGUFCursor) throws(ModelError) {
        let field = "tensors[\(index)]"
        name = try cursor.string("\(field).name", atMost: TensorArchive.longestName)
        if let flaw = TensorArchive.flaw(ofName: name) { throw cursor.refusal("\(field).name", flaw) }
        let count: UInt32 = try cursor.integer("\(name).n_dimensions")
        guard count <= Self.mostDimensions else {
            throw cursor.refusal("\(name).n_dimensions", "\(count) is more than \(Self.mostDimensions)")
        }
        var extents: [Int] = [], elements = 1
        for _ in 0..<count {
            let extent: UInt64 = try cursor.integer("\(name).dimensions")
            let (product, overflow) = elements.multipliedReportingOverflow(by: Int(clamping: extent))
            guard extent > 0, !overflow, product <= Safetensors.largestTensor else {
                throw cursor.refusal("\(name).dimensions", "an extent of \(extent) makes no tensor")
            }
            elements = product
            extents.insert(Int(extent), at: 0)
        }
        self.extents = extents
        let type: UInt32 = try cursor.integer("\(name).type")
        guard let format = Self.formats[type] else {
            let known = Self.formats.sorted { $0.key < $1.key }.map(\.value.rawValue).joined(separator: ", ")
            throw cursor.refusal("\(name).type", "\(type) is not supported; \(known) are")
        }
        self.format = format
        guard (extents.last ?? 1).isMultiple(of: format.elementCount) else {
            throw cursor.refusal(
                "\(name).dimensions",
                "rows of \(extents.last ?? 1) elements are no whole blocks of \(format.elementCount), as \(format.rawValue) has them"
            )
        }
        offset = try cursor.integer("\(name).offset")
    }

    private var count: Int { extents.reduce(1, *) }

    /// Where the tensor is in the file.
    func range(in file: MappedFile, from start: Int, alignment: Int) throws(ModelError) -> Range<Int> {
        func wrong(_ reason: String) -> ModelError {
            .badField(file: file.path, field: "\(name).offset", reason: reason)
        }
        guard offset.isMultiple(of: UInt64(alignment)) else {
            throw wrong("\(offset) is not a multiple of the alignment, \(alignment)")
        }
        let byteCount = count / format.elementCount * format.byteCount, room = max(0, file.bytes.count - start)
        guard byteCount <= room, offset <= UInt64(room - byteCount) else {
            throw wrong("\(byteCount) bytes from \(offset) on are not in the file, which has \(room) bytes of data")
        }
        return start + Int(offset)..<start + Int(offset) + byteCount
    }

    /// The tensor's shape, or the one that it had before it was stored in rows of whole blocks.
    func shape(_ original: [Int]?, in file: MappedFile) throws(ModelError) -> [Int] {
        guard let original else { return extents }
        var elements = 1
        for extent in original where elements > 0 {
            let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
            elements = extent > 0 && !overflow ? product : 0
        }
        guard elements == count else {
            throw .badField(
                file: file.path, field: GGUFMetadata.shapePrefix + name,
                reason: "\(original) is no shape of \(count) elements")
        }
        return original
    }
}
