/// A JSON number as it was written, so that no digit of a 64-bit seed passes through a `Double`.
public struct JSONNumber: Hashable, Sendable {
    /// The characters of the number, such as `-1.5e3`; `NaN`, `Infinity` or `-Infinity` where these were asked for.
    public let text: String

    /// A number whose `text` a parser has checked.
    init(checked text: String) { self.text = text }

    /// The number `value`.
    public init(_ value: some FixedWidthInteger) { self.text = String(value) }

    /// The number `value`, which must be finite.
    public init(_ value: Double) {
        precondition(value.isFinite, "JSON has no \(value)")
        self.text = value == value.rounded() && abs(value) < 0x1p53 ? String(Int64(value)) : "\(value)"
    }

    /// The value as the integer type asked for; nil when it has a fraction or does not fit. `512.0` and `1e3` are integers.
    public func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) -> Integer? {
        if let value = Integer(text) { return value }
        guard text.utf8.contains(where: { ".eE".utf8.contains($0) }) else { return nil }
        let value = double
        return abs(value) < 0x1p53 ? Integer(exactly: value) : nil
    }

    /// The nearest `Double`; infinite when the number is beyond all of them.
    public var double: Double { Double(text) ?? .nan }

    /// Whether the number has no fraction, however large it is.
    public var isWhole: Bool { double == double.rounded() }

    func encode(to encoder: any Encoder) throws {
        if let value = integer(UInt64.self) {
            try value.encode(to: encoder)
        } else if let value = integer(Int64.self) {
            try value.encode(to: encoder)
        } else {
            try double.encode(to: encoder)
        }
    }
}
