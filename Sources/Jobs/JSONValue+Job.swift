import JSONText

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
