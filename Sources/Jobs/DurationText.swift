/// Durations as people write them: `20s`, `1m30s`, `500ms`, `1.5h`; units h, m, s, ms, each at most once, in this order.
public enum DurationText {
    private static let units: [(name: String, milliseconds: Double)] = [
        ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]

    /// The duration that `text` says, to the millisecond; nil when it says none, or one beyond a century.
    public static func duration(_ text: String) -> Duration? {
        var rest = text.utf8[...]
        var remainingUnits = units[...]
        var total = 0.0
        repeat {
            let number = rest.prefix { $0.isDigit || $0 == UInt8(ascii: ".") }
            rest = rest[number.endIndex...]
            let name = String(decoding: rest.prefix { !$0.isDigit && $0 != UInt8(ascii: ".") }, as: UTF8.self)
            rest = rest.dropFirst(name.utf8.count)
            guard let first = number.first, let last = number.last, first.isDigit, last.isDigit,
                let value = Double(String(decoding: number, as: UTF8.self)),
                let unit = remainingUnits.firstIndex(where: { $0.name == name })
            else { return nil }
            total += value * units[unit].milliseconds
            remainingUnits = remainingUnits[(unit + 1)...]
        } while !rest.isEmpty
        return duration(seconds: total / 1000)
    }

    /// The duration of `seconds`, to the millisecond but never rounded down to nothing; nil for one beyond a century.
    public static func duration(seconds: Double) -> Duration? {
        guard abs(seconds) < 100 * 366 * 86_400 else { return nil }
        let milliseconds = (seconds * 1000).rounded()
        return .milliseconds(Int64(milliseconds == 0 && seconds > 0 ? 1 : milliseconds))
    }

    /// The duration in the largest units without fractions: `1m30s`, `500ms`. It must not be negative.
    public static func text(_ duration: Duration) -> String {
        precondition(duration >= .zero, "a negative duration has no text")
        var rest = duration.milliseconds
        var text = ""
        for unit in units {
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: Int64(unit.milliseconds))
            if count > 0 { text += "\(count)\(unit.name)" }
            rest = remainder
        }
        return text.isEmpty ? "0s" : text
    }
}
