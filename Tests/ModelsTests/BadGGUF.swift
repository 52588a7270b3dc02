import Testing

/// A GGUF file written field by field, so that each can lie.
struct GGUFBytes {
    struct Tensor {
        var name: [UInt8] = Array("a".utf8)
        var nameLength: UInt64?
        /// The fastest first.
        var extents: [UInt64] = [32, 2]
        var dimensions: UInt32?
        var type: UInt32 = 0
        var offset: UInt64 = 0
    }

    var version: UInt32 = 3
    var tensorCount: UInt64?
    var pairCount: UInt64?
    /// Each with its key, type and value.
    var pairs: [[UInt8]] = []
    var tensors = [Tensor()]
    var data = 256

    var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + Self.number(version) + Self.number(tensorCount ?? UInt64(tensors.count))
        bytes += Self.number(pairCount ?? UInt64(pairs.count)) + pairs.joined()
        for tensor in tensors {
            bytes += Self.number(tensor.nameLength ?? UInt64(tensor.name.count)) + tensor.name
            bytes += Self.number(tensor.dimensions ?? UInt32(tensor.extents.count))
            bytes += tensor.extents.flatMap(Self.number) + Self.number(tensor.type) + Self.number(tensor.offset)
        }
        bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
        return bytes + [UInt8](repeating: 0, count: data)
    }

    static func number(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    static func string(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count)) + Array(text.utf8) }

    static func pair(_ key: String, _ type: UInt32, _ value: [UInt8]) -> [UInt8] { string(key) + number(type) + value }

    static func array(_ type: UInt32, count: UInt64, _ values: [UInt8] = []) -> [UInt8] {
        number(type) + number(count) + values
    }
}

/// A GGUF file that is wrong in one way, and what its error must mention.
struct BadGGUF: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// What the message must name besides the file: the field, or the reason.
    let mentions: [String]

    var testDescription: String { name }

    init(_ name: String, mentions: String..., change: (inout GGUFBytes) -> Void) {
        self.name = name
        self.mentions = mentions
        var file = GGUFBytes()
        change(&file)
        bytes = file.bytes
    }

    static let all: [BadGGUF] = counts + pairs + tensors + places

    private static let counts = [
        BadGGUF("version 0", mentions: "version", "0") { $0.version = 0 },
        BadGGUF("version 1", mentions: "version", "1") { $0.version = 1 },
        BadGGUF("version 4", mentions: "version", "4") { $0.version = 4 },
        BadGGUF("the other order of bytes", mentions: "version", "big-endian") { $0.version = 3 << 24 },
        BadGGUF("2^40 tensors", mentions: "tensor_count", "\(1 << 40)") { $0.tensorCount = 1 << 40 },
        BadGGUF("2^64 - 1 tensors", mentions: "tensor_count") { $0.tensorCount = .max },
        BadGGUF("a tensor more than there are", mentions: "tensors[1].name") { $0.tensorCount = 2 },
        BadGGUF("2^40 pairs", mentions: "metadata_kv_count", "\(1 << 40)") { $0.pairCount = 1 << 40 },
        BadGGUF("a pair more than there are", mentions: "a") { $0.pairCount = 1 },
    ]

    private static func pair(_ name: String, _ pair: [UInt8], mentions: String...) -> BadGGUF {
        var bad = BadGGUF(name) { $0.pairs = [pair] }
        bad = BadGGUF(name: name, bytes: bad.bytes, mentions: mentions)
        return bad
    }

    private init(name: String, bytes: [UInt8], mentions: [String]) {
        self.name = name
        self.bytes = bytes
        self.mentions = mentions
    }

    private static let pairs: [BadGGUF] = [
        pair("a key of 2^63 bytes", GGUFBytes.number(UInt64(1) << 63), mentions: "metadata[0].key"),
        pair(
            "a key of 64 KiB", GGUFBytes.pair(String(repeating: "k", count: 1 << 16), 0, [0]),
            mentions: "metadata[0].key",
            "65536"),
        pair("a key that is empty", GGUFBytes.pair("", 0, [0]), mentions: "metadata[0].key"),
        pair("a key with NUL", GGUFBytes.pair("k\0", 0, [0]), mentions: "metadata[0].key"),
        pair(
            "a key that is not UTF-8", GGUFBytes.number(UInt64(2)) + [0xFF, 0xFE] + [0, 0, 0, 0, 0], mentions: "UTF-8"),
        pair("a value of type 13", GGUFBytes.pair("k", 13, [0]), mentions: "k.type", "13"),
        pair("a value of type 2^32 - 1", GGUFBytes.pair("k", .max, [0]), mentions: "k.type"),
        pair("a boolean that is 2", GGUFBytes.pair("k", 7, [2]), mentions: "'k'", "2"),
        pair("a string of 2^62 bytes", GGUFBytes.pair("k", 8, GGUFBytes.number(UInt64(1) << 62)), mentions: "'k'"),
        pair(
            "a string that is not UTF-8", GGUFBytes.pair("k", 8, GGUFBytes.number(UInt64(1)) + [0xC0]), mentions: "'k'"),
        pair("an array of 2^60 numbers", GGUFBytes.pair("k", 9, GGUFBytes.array(4, count: 1 << 60)), mentions: "'k'"),
        pair(
            "an array of 2^60 strings", GGUFBytes.pair("k", 9, GGUFBytes.array(8, count: 1 << 60)), mentions: "'k'"),
        pair("an array of type 99", GGUFBytes.pair("k", 9, GGUFBytes.array(99, count: 1)), mentions: "'k'", "99"),
        pair(
            "an array whose string ends behind the file",
            GGUFBytes.pair("k", 9, GGUFBytes.array(8, count: 1, GGUFBytes.number(UInt64(1) << 40))), mentions: "'k'"),
        pair(
            "arrays in arrays in arrays in arrays in arrays",
            GGUFBytes.pair(
                "k", 9,
                (0..<5).reduce(GGUFBytes.array(0, count: 0)) { inner, _ in GGUFBytes.array(9, count: 1, inner) }),
            mentions: "'k'", "nested"),
        pair("an alignment of 0", alignment(4, UInt32(0)), mentions: "general.alignment"),
        pair("an alignment of 48", alignment(4, UInt32(48)), mentions: "general.alignment", "48"),
        pair("an alignment of 2^31", alignment(4, UInt32(1) << 31), mentions: "general.alignment"),
        pair("an alignment of another type", alignment(10, UInt64(32)), mentions: "general.alignment"),
        BadGGUF("the same key twice", mentions: "metadata[1].key", "twice") {
            $0.pairs = [GGUFBytes.pair("k", 0, [0]), GGUFBytes.pair("k", 0, [0])]
        },
        pair("an original shape of other elements", shape(5, [UInt32(8), 9]), mentions: "orig_shape.a", "64"),
        pair("an original shape of 2^64 elements", shape(10, [UInt64(1) << 32, 1 << 32]), mentions: "orig_shape.a"),
        pair("an original shape with a negative extent", shape(5, [-1, -64] as [Int32]), mentions: "orig_shape.a"),
        pair("an original shape of 2^63", shape(10, [UInt64(1) << 63]), mentions: "orig_shape.a"),
        pair("an original shape of 9 extents", shape(0, [UInt8](repeating: 1, count: 9)), mentions: "orig_shape.a"),
        pair(
            "an original shape of texts",
            GGUFBytes.pair("comfy.gguf.orig_shape.a", 9, GGUFBytes.array(8, count: 1, GGUFBytes.string("64"))),
            mentions: "orig_shape.a"),
    ]

    private static func alignment(_ type: UInt32, _ value: some FixedWidthInteger) -> [UInt8] {
        GGUFBytes.pair("general.alignment", type, GGUFBytes.number(value))
    }

    private static func shape(_ type: UInt32, _ extents: [some FixedWidthInteger]) -> [UInt8] {
        GGUFBytes.pair(
            "comfy.gguf.orig_shape.a", 9,
            GGUFBytes.array(type, count: UInt64(extents.count), extents.flatMap { GGUFBytes.number($0) }))
    }

    private static let tensors: [BadGGUF] = [
        BadGGUF("a name with NUL", mentions: "tensors[0].name", "control") { $0.tensors[0].name = [97, 0, 98] },
        BadGGUF("a name over two lines", mentions: "tensors[0].name", "control") { $0.tensors[0].name = [97, 10, 98] },
        BadGGUF("a name of 4 MiB", mentions: "tensors[0].name", "\(4 << 20)") {
            $0.tensors[0].name = [UInt8](repeating: 97, count: 4 << 20)
        },
        BadGGUF("a name that is not UTF-8", mentions: "tensors[0].name", "UTF-8") { $0.tensors[0].name = [0xFF] },
        BadGGUF("a name that is empty", mentions: "tensors[0].name") { $0.tensors[0].name = [] },
        BadGGUF("a name of 2^62 bytes", mentions: "tensors[0].name", "\(1 << 62)") {
            $0.tensors[0].nameLength = 1 << 62
        },
        BadGGUF("the same name twice", mentions: "tensors[1].name", "'a'", "twice") {
            $0.tensors.append($0.tensors[0])
        },
        BadGGUF("5 dimensions", mentions: "a.n_dimensions", "5") { $0.tensors[0].extents = [32, 1, 1, 1, 1] },
        BadGGUF("2^32 - 1 dimensions", mentions: "a.n_dimensions") { $0.tensors[0].dimensions = .max },
        BadGGUF("an extent of 0", mentions: "a.dimensions", "0") { $0.tensors[0].extents = [32, 0] },
        BadGGUF("an extent of 2^63", mentions: "a.dimensions") { $0.tensors[0].extents = [32, 1 << 63] },
        BadGGUF("2^64 elements", mentions: "a.dimensions") { $0.tensors[0].extents = [1 << 32, 1 << 32] },
        BadGGUF("2^60 elements", mentions: "a.dimensions") { $0.tensors[0].extents = [1 << 60] },
        BadGGUF("a type that was removed", mentions: "a.type", "4") { $0.tensors[0].type = 4 },
        BadGGUF("a type that is not read", mentions: "a.type", "16", "Q4_K") { $0.tensors[0].type = 16 },
        BadGGUF("a type of 2^32 - 1", mentions: "a.type") { $0.tensors[0].type = .max },
        BadGGUF("rows of 31 elements in blocks of 32", mentions: "a.dimensions", "31", "Q4_0") {
            ($0.tensors[0].type, $0.tensors[0].extents) = (2, [31, 2])
        },
        BadGGUF("rows of 32 elements in blocks of 256", mentions: "a.dimensions", "256", "Q6_K") {
            $0.tensors[0].type = 14
        },
        BadGGUF("a number in blocks", mentions: "a.dimensions") {
            ($0.tensors[0].type, $0.tensors[0].extents) = (8, [])
        },
    ]

    private static let places: [BadGGUF] = [
        BadGGUF("an offset that is not aligned", mentions: "a.offset", "1") {
            ($0.tensors[0].offset, $0.tensors[0].extents) = (1, [4])
        },
        BadGGUF("an offset behind the file", mentions: "a.offset", "4096") { $0.tensors[0].offset = 4096 },
        BadGGUF("an offset of which the tensor does not fit", mentions: "a.offset") { $0.tensors[0].offset = 32 },
        BadGGUF("an offset of 2^64 - 32", mentions: "a.offset") { $0.tensors[0].offset = .max - 31 },
        BadGGUF("a tensor larger than the file", mentions: "a.offset") { $0.tensors[0].extents = [1 << 50] },
        BadGGUF("a file without data", mentions: "a.offset") { $0.data = 0 },
        BadGGUF("two tensors in the same place", mentions: "b.offset", "overlaps") {
            $0.tensors.append(GGUFBytes.Tensor(name: [98]))
        },
        BadGGUF("two tensors that overlap", mentions: "b.offset", "overlaps") {
            $0.tensors.append(GGUFBytes.Tensor(name: [98], extents: [8], offset: 224))
        },
    ]
}
