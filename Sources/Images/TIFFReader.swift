/// The numbers in a TIFF file, in whichever order their bytes are.
struct TIFFReader {
    /// How a value is stored, and as what.
    enum FieldType: Int {
        case byte = 1
        case ascii, short, long, rational, signedByte, undefined, signedShort, signedLong, signedRational, float, double
        case directory
        case long8 = 16

        /// Of one element.
        var byteCount: Int {
            switch self {
            case .byte, .ascii, .signedByte, .undefined: 1
            case .short, .signedShort: 2
            case .long, .signedLong, .float, .directory: 4
            case .rational, .signedRational, .double, .long8: 8
            }
        }
    }

    private let bytes: ArraySlice<UInt8>
    private let isBigEndian: Bool

    /// Nil where the bytes do not begin as a TIFF does.
    init?(_ bytes: ArraySlice<UInt8>) {
        // The last two of each have their number's bytes the wrong way round, which other readers let pass; and 43 for 42.
        let big: [[UInt8]] = [[0, 42], [42, 0], [0, 43]], little: [[UInt8]] = [[42, 0], [0, 42]]
        let number = Array(bytes.dropFirst(2).prefix(2))
        if bytes.starts(with: Array("MM".utf8)), big.contains(number) {
            isBigEndian = true
        } else if bytes.starts(with: Array("II".utf8)), little.contains(number) {
            isBigEndian = false
        } else {
            return nil
        }
        self.bytes = bytes
    }

    /// Bytes in all.
    var count: Int { bytes.count }

    /// An integer without sign, of at most 8 bytes; nil where it is not inside, or too large.
    func integer(at offset: Int, bytes length: Int) -> Int? {
        bits(at: offset, bytes: length).flatMap { Int(exactly: $0) }
    }

    /// The element at `offset` as a number; nil where it is text, or not inside.
    func number(at offset: Int, _ type: FieldType) -> Double? {
        guard let bits = bits(at: offset, bytes: type.byteCount) else { return nil }
        switch type {
        case .byte, .ascii, .undefined: return nil
        case .short, .long, .directory, .long8: return Double(bits)
        case .signedByte: return Double(Int8(truncatingIfNeeded: bits))
        case .signedShort: return Double(Int16(truncatingIfNeeded: bits))
        case .signedLong: return Double(Int32(truncatingIfNeeded: bits))
        case .float: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
        case .double: return Double(bitPattern: bits)
        case .rational: return quotient(at: offset) { Double($0) }
        case .signedRational: return quotient(at: offset) { Double(Int32(truncatingIfNeeded: $0)) }
        }
    }

    private func quotient(at offset: Int, _ value: (UInt64) -> Double) -> Double? {
        guard let numerator = bits(at: offset, bytes: 4), let denominator = bits(at: offset + 4, bytes: 4) else {
            return nil
        }
        return value(numerator) / value(denominator)
    }

    private func bits(at offset: Int, bytes length: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - length else { return nil }
        let place = bytes.dropFirst(offset).prefix(length)
        return isBigEndian
            ? place.reduce(0) { $0 << 8 | UInt64($1) } : place.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
