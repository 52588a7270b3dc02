import Foundation

/// What the benchmark found, as a table or as JSON (the form that `peers.py` reads).
struct Report: Encodable {
    let model: String
    let width: Int
    let height: Int
    let threads: Int
    /// Opening the files and preparing the weights, once.
    let loadSeconds: Double
    let measurements: [Measurement]
    /// What a dry run says that a picture will take beside mapped files.
    let plannedBytes: Int
    /// The process's high-water mark, mapped weights included.
    let peakBytes: Int

    private enum Key: String, CodingKey {
        case model, width, height, threads, seconds
        case loadSeconds = "load_seconds"
        case plannedBytes = "planned_bytes"
        case peakBytes = "peak_bytes"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(model, forKey: .model)
        try container.encode(width, forKey: .width)
        try container.encode(height, forKey: .height)
        try container.encode(threads, forKey: .threads)
        try container.encode(loadSeconds, forKey: .loadSeconds)
        let seconds = Dictionary(uniqueKeysWithValues: measurements.map { ($0.stage, $0.seconds) })
        try container.encode(seconds, forKey: .seconds)
        try container.encode(plannedBytes, forKey: .plannedBytes)
        try container.encode(peakBytes, forKey: .peakBytes)
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var table: String {
        var lines = [
            "\(model), \(width) x \(height), \(threads) threads",
            row("stage", "median", "fastest"),
            row("load", milliseconds(loadSeconds), ""),
        ]
        for measurement in measurements {
            lines.append(row(measurement.stage, milliseconds(measurement.median), milliseconds(measurement.fastest)))
        }
        lines.append("planned memory \(mebibytes(plannedBytes)), peak of the process \(mebibytes(peakBytes))")
        return lines.joined(separator: "\n")
    }

    private func row(_ name: String, _ first: String, _ second: String) -> String {
        let columns = [first, second].map { String(repeating: " ", count: max(0, 14 - $0.count)) + $0 }
        return name.padding(toLength: 10, withPad: " ", startingAt: 0) + columns.joined()
    }

    private func milliseconds(_ seconds: Double) -> String { String(format: "%.2f ms", seconds * 1000) }

    private func mebibytes(_ bytes: Int) -> String { String(format: "%.1f MiB", Double(bytes) / 1_048_576) }

    /// `VmHWM` of this process.
    static func peakOfProcess() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }.map { $0 * 1024 } ?? 0
    }
}
