import Jobs

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
        guard let bytes = SizeText.bytes(text) else { return nil }
        self.init(bytes)
    }

    /// The order of size.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
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
