/// How a picture has to be turned before it is looked at: the eight values of Exif's tag 274, by where the first row and the first
/// column of what is stored belong.
///
/// ```
///   1 upright        2 mirrored left to right    3 upside down (180°)        4 mirrored top to bottom
///   5 transposed     6 turned 90° clockwise      7 transposed the other way  8 turned 90° counter-clockwise
/// ```
enum Orientation: Int, Sendable, CaseIterable {
    case upright = 1
    case mirrored, upsideDown, mirroredDown, transposed, clockwise, transversed, counterClockwise

    /// Rows of what is stored are columns of what is seen.
    var swapsSides: Bool { rawValue >= Self.transposed.rawValue }

    /// The last row that is stored is the first row (or column) that is seen.
    var reversesRows: Bool { [.upsideDown, .mirroredDown, .clockwise, .transversed].contains(self) }

    /// The last column that is stored is the first column (or row) that is seen.
    var reversesColumns: Bool { [.mirrored, .upsideDown, .transversed, .counterClockwise].contains(self) }

    /// What the metadata of a picture say. As Pillow's `exif_transpose` reads them: an Exif block that has the tag decides, whatever
    /// its value; else the first `tiff:Orientation` of the XMP packet does. What is damaged says nothing.
    init(exif: ArraySlice<UInt8>?, xmp: ArraySlice<UInt8>?) {
        switch exif.map({ ExifOrientation($0) }) {
        case .value(let value)?: self = Int(exactly: value).flatMap(Orientation.init(rawValue:)) ?? .upright
        case .unreadable?: self = .upright
        case .absent?, nil:
            self = xmp.flatMap { Self.digit(inXMP: $0) }.flatMap(Orientation.init(rawValue:)) ?? .upright
        }
    }

    /// The digit in the first `tiff:Orientation="6` or `tiff:Orientation>6`.
    private static func digit(inXMP packet: ArraySlice<UInt8>) -> Int? {
        let name = Array("tiff:Orientation".utf8)
        var start = packet.startIndex
        while let found = packet[start...].firstIndex(of: name[0]), found + name.count < packet.endIndex {
            start = found + 1
            guard packet[found..<found + name.count].elementsEqual(name) else { continue }
            var rest = packet[(found + name.count)...]
            if rest.first == UInt8(ascii: ">") {
                rest = rest.dropFirst()
            } else if rest.starts(with: [UInt8(ascii: "="), UInt8(ascii: "\"")]) {
                rest = rest.dropFirst(2)
            } else {
                continue
            }
            if let digit = rest.first, UInt8(ascii: "0")...UInt8(ascii: "9") ~= digit {
                return Int(digit - UInt8(ascii: "0"))
            }
        }
        return nil
    }
}
