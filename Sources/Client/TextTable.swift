import Foundation

/// Columns of text, as wide as their widest cell; the last is not padded.
struct TextTable: Sendable {
    private var rows: [[String]]

    /// A table that begins with `header`.
    init(header: [String]) { rows = [header] }

    /// Adds a row of as many cells as the header has.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == rows[0].count, "every row has the header's columns")
        rows.append(cells.map(printable))
    }

    /// The lines, without a last line break.
    var text: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}

/// `text` with everything that would drive a terminal, or break a line, shown as a space.
func printable(_ text: String) -> String {
    String(
        String.UnicodeScalarView(
            text.unicodeScalars.map { scalar in
                switch scalar.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator: " "
                default: scalar
                }
            }))
}

/// `text`, cut to `length` characters.
func shortened(_ text: String, to length: Int) -> String {
    text.count <= length ? text : text.prefix(length - 1) + "…"
}

/// Seconds for a person: `0.42 s`, `12 s`, `3 min 05 s`, `2 h 10 min`.
func secondsText(_ seconds: Double) -> String {
    switch seconds {
    case ..<10: String(format: "%.2f s", max(seconds, 0))
    case ..<120: String(format: "%.0f s", seconds)
    case ..<7200: String(format: "%d min %02d s", Int(seconds) / 60, Int(seconds) % 60)
    default: String(format: "%d h %02d min", Int(seconds) / 3600, Int(seconds) / 60 % 60)
    }
}

/// Bytes for a person: `512 B`, `1.5 MiB`.
func bytesText(_ bytes: Int) -> String {
    var amount = Double(bytes)
    var units = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    while amount >= 1024, units.count > 1 {
        amount /= 1024
        units.removeFirst()
    }
    let unit = units.first ?? "TiB"
    return unit == "B" ? "\(bytes) B" : String(format: "%.1f %@", amount, unit)
}

/// A ratio of signal to noise for a person: `36.4 dB`.
func decibelText(_ decibels: Double) -> String { String(format: "%.1f dB", decibels) }
