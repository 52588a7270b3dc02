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
