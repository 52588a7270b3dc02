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
