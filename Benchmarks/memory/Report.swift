import Foundation

/// What was found, in the forms in which it is printed.
enum Report {
    /// JSON with names in snake_case.
    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A table as Markdown; figures are in all columns but the first.
    static func table(_ head: [String], _ rows: [[String]]) -> String {
        ([head, ["---"] + head.dropFirst().map { _ in "---:" }] + rows)
            .map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }

    /// Bytes in MiB.
    static func mebibytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 1_048_576) }

    /// A line about how near measured peaks come to planned ones: what may be between them is 5 % or 8 MiB, whichever is more.
    static func planKept(_ peaks: [(planned: Int, measured: Int)]) -> String {
        let over = peaks.map { Double($0.measured - $0.planned) / 1_048_576 }
        guard let least = over.min(), let most = over.max() else { return "Nothing was measured beside a plan." }
        let kept = peaks.count { abs($0.measured - $0.planned) <= max($0.planned / 20, 8 << 20) }
        let range = String(format: "%.1f to %+.1f MiB", least, most)
        return "Measured over planned peak, \(peaks.count) cases: \(range); within 5 % or 8 MiB in \(kept)."
    }
}
