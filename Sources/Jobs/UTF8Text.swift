import JSONText

/// Bytes that are known to be UTF-8, without the byte order mark that some editors put in front.
struct UTF8Text {
    let bytes: ArraySlice<UInt8>

    /// Throws `invalidUTF8` with the offset of the first byte that belongs to no character.
    init(checking input: some Sequence<UInt8>) throws(JobError) {
        let all = Array(input)
        if let offset = UTF8Validity.firstInvalidOffset(in: all) { throw .invalidUTF8(offset: offset) }
        self.bytes = all.starts(with: [0xEF, 0xBB, 0xBF]) ? all.dropFirst(3) : all[...]
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// The one rule for text from outside, at whichever entrance it comes in: bytes that are not UTF-8 are refused, never repaired.
public enum UTF8Validity {
    /// The offset of the first byte that belongs to no character; nil where all do.
    public static func firstInvalidOffset(in bytes: [UInt8]) -> Int? {
        if String(validating: bytes, as: UTF8.self) != nil { return nil }
        var (iterator, decoder, offset) = (bytes.makeIterator(), UTF8(), 0)
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        return offset
    }
}

extension JSONValue {
    /// How deep arrays and objects may lie in each other; a job needs two levels.
    private static let maximumDepth = 32

    /// Reads one JSON text in UTF-8, a byte order mark in front allowed. Throws `invalidUTF8` or `malformed`.
    public init(parsing bytes: some Sequence<UInt8>) throws(JobError) {
        try self.init(parsing: UTF8Text(checking: bytes).bytes, firstLine: 1)
    }

    /// Reads one JSON text; errors count lines from `firstLine`.
    init(parsing text: ArraySlice<UInt8>, firstLine: Int) throws(JobError) {
        let parsed = text.withUnsafeBytes { bytes in
            Result { () throws(JSONError) in try JSONValue(parsing: bytes, maximumDepth: JSONValue.maximumDepth) }
        }
        do throws(JSONError) { self = try parsed.get() } catch {
            let lines = text.prefix(error.offset).split(separator: 0x0A, omittingEmptySubsequences: false)
            let column = String(decoding: lines[lines.count - 1], as: UTF8.self).unicodeScalars.count
            throw .malformed(line: firstLine + lines.count - 1, column: column + 1, problem: error.problem)
        }
    }
}
