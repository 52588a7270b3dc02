/// What the segments in front of a JPEG's pixels say of its orientation.
///
/// ```
/// FF D8   FF E1 <length> "Exif\0\0" + block             more than one are one block, cut into pieces
///         FF E1 <length> "http://ns.adobe.com/xap/1.0/\0" + packet                    the last one counts
///         FF xx <length> …
///         FF DA   the pixels begin
/// ```
/// Source: ITU-T T.81, annex B.1.1; Exif 2.32, section 4.7.2; which of them count is Pillow's.
struct JPEGMetadata {
    /// The Exif block.
    private(set) var exif: ArraySlice<UInt8>?
    /// The XMP packet.
    private(set) var xmp: ArraySlice<UInt8>?

    /// A block is a few segments long; of a longer one the rest is left.
    private static let maximumBlockLength = 1 << 22

    private static let exifName = Array("Exif\0\0".utf8)
    private static let xmpName = Array("http://ns.adobe.com/xap/1.0/\0".utf8)

    init(_ bytes: [UInt8]) {
        var position = 2
        while position + 1 < bytes.count {
            guard bytes[position] == 0xFF, bytes[position + 1] != 0xFF else {
                position += 1
                continue
            }
            let marker = bytes[position + 1]
            position += 2
            switch marker {
            case 0xDA, 0x01..<0xC0: return
            case 0x00, 0xC8, 0xD0...0xD9, 0xF0...0xFD: continue
            default: break
            }
            guard position + 2 <= bytes.count else { return }
            let length = Int(bytes[position]) << 8 | Int(bytes[position + 1])
            guard length >= 2, position + length <= bytes.count else { return }
            if marker == 0xE1 { take(bytes[position + 2..<position + length]) }
            position += length
        }
    }

    private mutating func take(_ segment: ArraySlice<UInt8>) {
        if segment.starts(with: Self.xmpName) {
            xmp = segment.dropFirst(Self.xmpName.count)
        } else if segment.starts(with: Self.exifName) {
            if exif == nil {
                exif = segment
            } else if exif?.count ?? 0 < Self.maximumBlockLength {
                exif?.append(contentsOf: segment.dropFirst(Self.exifName.count))
            }
        }
    }
}
