extension Duration {
    /// Reads amounts with units, largest first or not: `500ms`, `20s`, `1m30s`, `2h`, `30d`.
    ///
    /// `nil` when a unit is missing or unknown, and for anything else.
    init?(setting text: String) {
        var seconds = 0.0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { ("0"..."9").contains($0) || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(unit.count).drop { $0 == " " }
            guard let amount = Double(digits), let scale = Self.scales[String(unit)] else { return nil }
            seconds += amount * scale
        }
        guard seconds < 1e12 else { return nil }
        self = .milliseconds(Int64((seconds * 1000).rounded()))
    }

    private static let scales: [String: Double] = ["ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400]
}
