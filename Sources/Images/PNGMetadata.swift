import CPNG

/// What a PNG's chunks beside the pixels say of its orientation.
///
/// ```
/// eXIf                                an Exif block                                  the last one counts
/// tEXt, zTXt, iTXt
///   "Raw profile type exif"           "\nexif\n  LENGTH\nHEX…", an Exif block        where there is no eXIf
///   "XML:com.adobe.xmp"               an XMP packet
/// ```
/// Chunks behind the pixels count too; one whose checksum is wrong does not. A packed text of more than 1 MiB is not unpacked.
/// Source: PNG's third edition, section 11.3; the second form is ImageMagick's. Which of them count is Pillow's.
struct PNGMetadata {
    /// The Exif block.
    let exif: ArraySlice<UInt8>?
    /// The XMP packet.
    let xmp: ArraySlice<UInt8>?

    private static let profileKeyword = "Raw profile type exif", packetKeyword = "XML:com.adobe.xmp"
    private static let maximumTextLength = 1 << 20

    init(_ bytes: [UInt8]) {
        var block: ArraySlice<UInt8>?
        var profile: (name: String, data: ArraySlice<UInt8>)?, packet: (name: String, data: ArraySlice<UInt8>)?
        Self.forEachChunk(in: bytes) { name, data in
            switch name {
            case "eXIf": block = data
            case _ where data.starts(with: Array(Self.profileKeyword.utf8) + [0]): profile = (name, data)
            case _ where data.starts(with: Array(Self.packetKeyword.utf8) + [0]): packet = (name, data)
            default: break
            }
        }
        // Only the last of each is unpacked, so that many of them cost nothing.
        let text = block == nil ? profile.flatMap { Self.text($0.name, $0.data, Self.profileKeyword) } : nil
        exif = block ?? text.flatMap { Self.block(inProfile: $0) }
        xmp = packet.flatMap { Self.text($0.name, $0.data, Self.packetKeyword) }
    }

    /// Hands the chunks that may matter to `body`: their names and data.
    private static func forEachChunk(in bytes: [UInt8], _ body: (String, ArraySlice<UInt8>) -> Void) {
        var position = 8
        while position + 12 <= bytes.count {
            let length = bytes[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            let end = position + 8 + length
            guard end + 4 <= bytes.count else { return }
            let name = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
            if name == "IEND" { return }
            if ["eXIf", "tEXt", "zTXt", "iTXt"].contains(name) {
                let checksum = bytes[end..<end + 4].reduce(0) { $0 << 8 | UInt32($1) }
                let found = bytes.withUnsafeBufferPointer {
                    png_checksum($0.baseAddress.map { $0 + position + 4 }, length + 4)
                }
                if checksum == found { body(name, bytes[position + 8..<end]) }
            }
            position = end + 4
        }
    }

    /// What a text says behind its keyword.
    private static func text(_ name: String, _ data: ArraySlice<UInt8>, _ keyword: String) -> ArraySlice<UInt8>? {
        let rest = data.dropFirst(keyword.utf8.count + 1)
        switch name {
        case "tEXt": return rest
        case "zTXt": return rest.first == 0 ? unpacked(rest.dropFirst()) : nil
        default:
            // Whether it is packed, how; the language, NUL; the keyword in that language, NUL; the text.
            let parts = rest.dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
            guard rest.count >= 2, parts.count == 3 else { return nil }
            if rest[rest.startIndex] == 0 { return parts[2] }
            return rest[rest.startIndex + 1] == 0 ? unpacked(parts[2]) : nil
        }
    }

    private static func unpacked(_ data: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let text = [UInt8](unsafeUninitializedCapacity: maximumTextLength) { buffer, count in
            count = data.withUnsafeBufferPointer {
                png_inflate($0.baseAddress, $0.count, buffer.baseAddress, buffer.count)
            }
        }
        return text.isEmpty ? nil : text[...]
    }

    /// The bytes that the lines from the fourth on spell in hexadecimal digits.
    private static func block(inProfile text: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: 3, omittingEmptySubsequences: false)
        guard lines.count == 4 else { return nil }
        let digits = lines[3].filter { !($0 == 0x20 || 0x09...0x0D ~= $0) }
        let values = digits.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard values.count == digits.count, digits.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }[...]
    }
}
