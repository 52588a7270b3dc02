/// A number of bytes that an operator writes with a unit: `512MiB`, `1.5 GiB`, `2GB`, `4096`.
public struct ByteCount: Sendable, Hashable, Comparable {
    /// Never negative.
    public var bytes: Int

    /// A count of bytes. Negative counts are a caller's mistake.
    public init(_ bytes: Int) {
        precondition(bytes >= 0, "a size cannot be negative")
        self.bytes = bytes
    }

    /// Reads a number and a unit (`B`, `kB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB`, `TiB`, in any case); none means bytes.
    ///
    /// `nil` when the text is anything else, is negative, or is more than an `Int` holds.
    public init?(_ text: String) {
        guard let (amount, unit) = splitUnit(text), let scale = Self.scales[unit.lowercased()] else { return nil }
        guard let bytes = Int(exactly: (amount * scale).rounded()) else { return nil }
        self.init(bytes)
    }

    /// The order of size.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    private static let scales: [String: Double] = [
        "": 1, "b": 1,
        "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        "kib": 0x1p10, "mib": 0x1p20, "gib": 0x1p30, "tib": 0x1p40,
    ]
}

extension ByteCount: CustomStringConvertible {
    /// The size in the largest unit that it fills, with one decimal: `1.5 GiB`.
    public var description: String {
        var amount = Double(bytes)
        var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
        while amount >= 1024, units.count > 1 {
            amount /= 1024
            units.removeFirst()
        }
        let rounded = (amount * 10).rounded() / 10
        return (rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)") + " \(units.first ?? "TiB")"
    }
}

/// Splits `1.5 GiB` into a number that is finite and not negative, and its unit, which may be empty.
func splitUnit(_ text: String) -> (amount: Double, unit: String)? {
    let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    guard let amount = Double(digits), amount.isFinite else { return nil }
    return (amount, String(text.dropFirst(digits.count).drop { $0 == " " }))
}
