import Testing

/// A safetensors file that is wrong in one way, and what its error must mention.
struct BadSafetensors: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    /// What the message must name besides the file: the tensor, the field, or the reason.
    let mentions: [String]

    var testDescription: String { name }

    init(_ name: String, bytes: [UInt8], mentions: String...) {
        self.name = name
        self.bytes = bytes
        self.mentions = mentions
    }

    /// A file with this header and `data` zero bytes behind it; the claimed length may lie.
    init(_ name: String, header: String, data: Int = 16, claims: UInt64? = nil, mentions: String...) {
        self.name = name
        bytes = BadSafetensors.file(header: header, data: data, claims: claims)
        self.mentions = mentions
    }

    static func file(header: String, data: Int, claims: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        let length = withUnsafeBytes(of: (claims ?? UInt64(text.count)).littleEndian) { Array($0) }
        return length + text + Array(repeating: 0, count: data)
    }

    /// The header of one float tensor.
    static func tensor(_ name: String, _ shape: String, _ begin: String, _ end: String, dtype: String = "\"F32\"")
        -> String
    {
        "\"\(name)\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
    }

    static let all: [BadSafetensors] = [
        BadSafetensors(
            "an empty tensor of 2^62 columns",
            header: "{\(tensor("a", "[0,4611686018427387904]", "0", "0", dtype: "\"U8\""))}",
            data: 0, mentions: "a.shape", "too large"),
        BadSafetensors(
            "an empty tensor whose other extents overflow",
            header: "{\(tensor("a", "[0,1,4294967296,4294967296]", "0", "0"))}", data: 0, mentions: "a.shape",
            "too large"),
        BadSafetensors(
            "a tensor whose extents overflow before the empty one",
            header: "{\(tensor("a", "[4294967296,4294967296,0]", "0", "0"))}", data: 0, mentions: "a.shape", "too large"
        ),
        BadSafetensors(
            "a name with NUL", header: "{\(tensor("a\\u0000b", "[4]", "0", "16"))}", mentions: "name", "control"),
        BadSafetensors(
            "a name of 4 MiB", header: "{\(tensor(String(repeating: "a", count: 4 << 20), "[4]", "0", "16"))}",
            mentions: "name", "\(4 << 20)"),
        BadSafetensors("a name that is empty", header: "{\(tensor("", "[4]", "0", "16"))}", mentions: "name", "empty"),
        BadSafetensors(
            "blocks of GGUF", header: "{\(tensor("a", "[32]", "0", "34", dtype: "\"Q8_0\""))}", data: 34,
            mentions: "a.dtype", "Q8_0"),
        BadSafetensors("an empty file", bytes: [], mentions: "8 bytes"),
        BadSafetensors("seven bytes", bytes: [1, 0, 0, 0, 0, 0, 0], mentions: "8 bytes"),
        BadSafetensors("a header of 2^60 bytes", header: "{}", claims: 1 << 60, mentions: "header", "\(1 << 60)"),
        BadSafetensors("a header of 2^64 - 1 bytes", header: "{}", claims: .max, mentions: "header"),
        BadSafetensors("a header longer than the file", header: "{}", data: 0, claims: 3, mentions: "header"),
        BadSafetensors("a header cut in the middle", header: "{\"a\":{\"dtype\":\"F3", data: 0, mentions: "header"),
        BadSafetensors("a header that is no JSON", header: "safetensors", mentions: "header"),
        BadSafetensors("a header that is an array", header: "[]", data: 0, mentions: "header", "object"),
        BadSafetensors("a header with text behind it", header: "{} {}", data: 0, mentions: "header"),
        BadSafetensors(
            "a header of 10,000 brackets", header: String(repeating: "[", count: 10_000), mentions: "nested"),
        BadSafetensors("a name that is not UTF-8", bytes: notUTF8, mentions: "header"),
        BadSafetensors(
            "the same name twice", header: "{\(tensor("a", "[2]", "0", "8")),\(tensor("a", "[2]", "8", "16"))}",
            mentions: "'a'", "twice"),
        BadSafetensors("a tensor that is a number", header: "{\"a\":1}", mentions: "'a'"),
        BadSafetensors("no type", header: "{\"a\":{\"shape\":[4],\"data_offsets\":[0,16]}}", mentions: "a.dtype"),
        BadSafetensors(
            "an unknown type", header: "{\(tensor("a", "[4]", "0", "16", dtype: "\"F31\""))}", mentions: "a.dtype",
            "F31"),
        BadSafetensors(
            "a type that is a number", header: "{\(tensor("a", "[4]", "0", "16", dtype: "32"))}", mentions: "a.dtype"),
        BadSafetensors("no shape", header: "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,16]}}", mentions: "a.shape"),
        BadSafetensors("a negative extent", header: "{\(tensor("a", "[-4]", "0", "16"))}", mentions: "a.shape"),
        BadSafetensors("half an extent", header: "{\(tensor("a", "[3.5]", "0", "16"))}", mentions: "a.shape"),
        BadSafetensors("an extent that is text", header: "{\(tensor("a", "[\"4\"]", "0", "16"))}", mentions: "a.shape"),
        BadSafetensors(
            "a shape of 2^64 elements", header: "{\(tensor("a", "[4294967296,4294967296]", "0", "16"))}",
            mentions: "a.shape"),
        BadSafetensors(
            "an extent of 2^63", header: "{\(tensor("a", "[9223372036854775808]", "0", "16"))}", mentions: "a.shape"),
        BadSafetensors(
            "a shape larger than its bytes", header: "{\(tensor("a", "[5]", "0", "16"))}", mentions: "a.data_offsets"),
        BadSafetensors(
            "a shape smaller than its bytes", header: "{\(tensor("a", "[3]", "0", "16"))}", mentions: "a.data_offsets"),
        BadSafetensors(
            "offsets past the end", header: "{\(tensor("a", "[5]", "0", "20"))}", mentions: "a.data_offsets"),
        BadSafetensors(
            "offsets of 2^62", header: "{\(tensor("a", "[4]", "4611686018427387904", "4611686018427387920"))}",
            mentions: "a.data_offsets"),
        BadSafetensors(
            "offsets that descend", header: "{\(tensor("a", "[4]", "16", "0"))}", mentions: "a.data_offsets"),
        BadSafetensors("a negative offset", header: "{\(tensor("a", "[4]", "-16", "0"))}", mentions: "a.data_offsets"),
        BadSafetensors(
            "one offset", header: "{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16]}}",
            mentions: "a.data_offsets"),
        BadSafetensors(
            "two tensors that overlap", header: "{\(tensor("a", "[3]", "0", "12")),\(tensor("b", "[2]", "8", "16"))}",
            mentions: "'b'", "overlaps"),
        BadSafetensors(
            "two tensors of the same bytes",
            header: "{\(tensor("a", "[4]", "0", "16")),\(tensor("b", "[4]", "0", "16"))}",
            mentions: "overlaps"),
        BadSafetensors(
            "a gap between tensors", header: "{\(tensor("a", "[1]", "0", "4")),\(tensor("b", "[2]", "8", "16"))}",
            mentions: "'b'", "4 bytes"),
        BadSafetensors(
            "bytes behind the last tensor", header: "{\(tensor("a", "[3]", "0", "12"))}", mentions: "4 bytes"),
        BadSafetensors(
            "a file cut short", header: "{\(tensor("a", "[4]", "0", "16"))}", data: 15, mentions: "a.data_offsets"),
        BadSafetensors(
            "metadata that is a list", header: "{\"__metadata__\":[],\(tensor("a", "[4]", "0", "16"))}",
            mentions: "__metadata__"),
        BadSafetensors(
            "metadata that is no text", header: "{\"__metadata__\":{\"k\":1},\(tensor("a", "[4]", "0", "16"))}",
            mentions: "__metadata__.k"),
    ]

    private static let notUTF8: [UInt8] = {
        let header: [UInt8] = Array("{\"".utf8) + [0xFF, 0xFE] + Array("\":{}}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
    }()
}
