/// Sizes in bytes as people write them: `512MiB`, `1.5 GiB`, `2GB`, `4096`.
public enum SizeText {
    /// Reads a number and a unit (`B`, `kB`, `MB`, `GB`, `TB`, `KiB`, `MiB`, `GiB`, `TiB`, in any case); none means bytes.
    ///
    /// `nil` when the text is anything else, is negative, or is more than an `Int` holds.
    public static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard let scale = scales[unit] else { return nil }
        if let whole = Int(digits) {
            let (bytes, overflow) = whole.multipliedReportingOverflow(by: scale)
            return overflow ? nil : bytes
        }
        guard let amount = Double(digits), amount.isFinite else { return nil }
        return Int(exactly: (amount * Double(scale)).rounded())
    }

    /// The text that `bytes` reads as exactly this: in the largest unit that divides it.
    public static func text(_ bytes: Int) -> String {
        var amount = bytes
        var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
        while amount > 0, amount % 1024 == 0, units.count > 1 {
            amount /= 1024
            units.removeFirst()
        }
        return "\(amount)\(units.first ?? "TiB")"
    }

    private static let scales = [
        "": 1, "b": 1, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000, "kib": 1 << 10,
        "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    ]
}
