/// Columns of text, as wide as their widest cell; the last is not padded.
public struct TextTable: Sendable {
    private var rows: [[String]]

    /// A table that begins with `header`.
    public init(header: [String]) { rows = [header] }

    /// Adds a row of as many cells as the header has.
    public mutating func add(_ cells: [String]) {
        precondition(cells.count == rows[0].count, "every row has the header's columns")
        rows.append(cells.map(printable))
    }

    /// The lines, without a last line break.
    public var text: String {
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
