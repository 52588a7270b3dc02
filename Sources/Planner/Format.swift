/// Figures for people, short.
public enum Format {
    /// `640 KiB`, `1.5 GiB`; rounded up, so that a need is never understated.
    public static func bytes(_ count: Int) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB"]
        var value = Double(count) / 1024
        var unit = 0
        while value >= 1024, unit + 1 < units.count {
            value /= 1024
            unit += 1
        }
        return "\(decimal(value, up: true)) \(units[unit])"
    }

    /// `85 ms`, `3.2 s`, `140 s`.
    public static func seconds(_ value: Double) -> String {
        value < 0.9995 ? "\(Int((value * 1000).rounded())) ms" : "\(decimal(value)) s"
    }

    /// One digit after the point below 100, none from there on, and none that is 0.
    private static func decimal(_ value: Double, up: Bool = false) -> String {
        let rule: FloatingPointRoundingRule = up ? .up : .toNearestOrAwayFromZero
        let tenths = value < 100 ? (value * 10).rounded(rule) / 10 : value.rounded(rule)
        return Int(exactly: tenths).map(String.init) ?? "\(tenths)"
    }
}
