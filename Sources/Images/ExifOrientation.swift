/// The tag 274 of an Exif block's first directory.
///
/// ```
///  0  "Exif\0\0", up to twice, or nothing
///  0  "MM" 42 or "II" 42, offset of the directory             (TIFF, in the bytes' order that the letters say)
///     directory: count, then entries of tag, type, count, and the value, or its offset where it takes more than 4 bytes
/// ```
/// Read as Pillow's `ImageFileDirectory_v2` does it: the first entry of a tag counts, entries of unknown types are skipped, and
/// reading ends at the first value that lies outside; what came before stays.
/// Source: TIFF 6.0, section 2; Exif 2.32, section 4.6.
enum ExifOrientation: Equatable {
    /// A number, of whatever type.
    case value(Double)
    /// The tag is there and is no number.
    case unreadable
    /// There is no such tag, or no directory.
    case absent

    private static let tag = 274

    init(_ bytes: ArraySlice<UInt8>) {
        var block = bytes
        for _ in 0..<2 where block.starts(with: Self.prefix) { block = block.dropFirst(Self.prefix.count) }
        self = TIFFReader(block).flatMap { Self.find(in: $0) } ?? .absent
    }

    private static let prefix = Array("Exif\0\0".utf8)

    private static func find(in reader: TIFFReader) -> ExifOrientation? {
        guard let directory = reader.integer(at: 4, bytes: 4), let count = reader.integer(at: directory, bytes: 2)
        else {
            return nil
        }
        var outside = 0
        for entry in 0..<count {
            let start = directory + 2 + 12 * entry
            guard let number = reader.integer(at: start, bytes: 2), let type = reader.integer(at: start + 2, bytes: 2),
                let elements = reader.integer(at: start + 4, bytes: 4),
                let field = reader.integer(at: start + 8, bytes: 4)
            else { return nil }
            guard let type = TIFFReader.FieldType(rawValue: type) else { continue }
            let size = elements * type.byteCount
            if size > 4 {
                outside += size
                guard outside <= reader.count else { continue }
                guard field + size <= reader.count else { return nil }
            }
            guard number == tag, size > 0 else { continue }
            return reader.number(at: size > 4 ? field : start + 8, type).map { .value($0) } ?? .unreadable
        }
        return nil
    }
}
