/// The smallest Exif block that holds a comment: where readers of generated pictures look in a WebP.
///
/// ```
///  0  "MM" 42, offset of IFD 0 = 8                    (TIFF, big-endian)
///  8  IFD 0: 2 entries: Software, pointer to the Exif IFD; next = 0
/// 38  Exif IFD: 1 entry: UserComment; next = 0
/// 56  Software's text, then "UNICODE\0" + the comment in UTF-16, big-endian
/// ```
struct ExifComment {
    private let comment: String
    private let software: String

    init(_ metadata: PictureMetadata) {
        comment = ParametersLine(metadata).text
        software = "latentd \(metadata.version)"
    }

    private enum Tag {
        static let software: UInt16 = 0x0131
        static let exifDirectory: UInt16 = 0x8769
        static let userComment: UInt16 = 0x9286
    }

    private enum FieldType {
        static let ascii: UInt16 = 2
        static let long: UInt16 = 4
        static let undefined: UInt16 = 7
    }

    func bytes() -> [UInt8] {
        let firstDirectory: UInt32 = 8
        let exifDirectory = firstDirectory + 2 + 2 * 12 + 4
        let data = exifDirectory + 2 + 1 * 12 + 4
        let name = Array(software.utf8) + [0]
        let text = Array("UNICODE\0".utf8) + comment.utf16.flatMap { Self.bytes($0) }

        var result = Array("MM".utf8) + Self.bytes(UInt16(42)) + Self.bytes(firstDirectory)
        result += Self.bytes(UInt16(2))
        result += Self.entry(Tag.software, FieldType.ascii, count: name.count, value: data)
        result += Self.entry(Tag.exifDirectory, FieldType.long, count: 1, value: exifDirectory)
        result += Self.bytes(UInt32(0))
        result += Self.bytes(UInt16(1))
        result += Self.entry(Tag.userComment, FieldType.undefined, count: text.count, value: data + UInt32(name.count))
        result += Self.bytes(UInt32(0))
        return result + name + text
    }

    private static func entry(_ tag: UInt16, _ type: UInt16, count: Int, value: UInt32) -> [UInt8] {
        bytes(tag) + bytes(type) + bytes(UInt32(count)) + bytes(value)
    }

    private static func bytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
