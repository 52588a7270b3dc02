import Compute
import Foundation
import Stages

/// What the benchmark found, as a table or as JSON (the form that `peers.py` reads).
struct Report: Encodable {
    let model: String
    let precision: WeightPrecision
    let size: Int
    let threads: Int
    /// Opening the model and loading all its networks but the encoder, each time.
    let loadSeconds: [Double]
    let measurements: [Measurement]
    /// The process's high-water mark, mapped weights included.
    let peakBytes: Int

    private enum Key: String, CodingKey {
        case model, precision, size, threads, stages
        case loadSeconds = "load_seconds"
        case peakBytes = "peak_bytes"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(model, forKey: .model)
        try container.encode(precision.rawValue, forKey: .precision)
        try container.encode(size, forKey: .size)
        try container.encode(threads, forKey: .threads)
        try container.encode(loadSeconds, forKey: .loadSeconds)
        let stages = Dictionary(measurements.map { ($0.stage.rawValue, $0) }) { _, last in last }
        try container.encode(stages, forKey: .stages)
        try container.encode(peakBytes, forKey: .peakBytes)
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var table: String {
        var lines = [
            "\(model) \(precision.rawValue), \(size) x \(size), \(threads) threads",
            row("stage", ["median", "fastest", "load", "load again", "activations"]),
        ]
        for measurement in measurements {
            lines.append(
                row(
                    measurement.stage.rawValue,
                    [
                        milliseconds(measurement.seconds.median), milliseconds(measurement.seconds.min() ?? .nan),
                        milliseconds(measurement.loadSeconds[0]),
                        measurement.loadSeconds.count > 1 ? milliseconds(measurement.loadSeconds[1]) : "",
                        mebibytes(measurement.activationBytes),
                    ]))
        }
        lines.append("the whole model loaded \(loadSeconds.map(milliseconds).joined(separator: ", "))")
        lines.append("peak of the process \(mebibytes(peakBytes))")
        for measurement in measurements where !measurement.blocks.isEmpty {
            lines += ["", measurement.stage.rawValue] + blocks(of: measurement)
        }
        return lines.joined(separator: "\n")
    }

    private func blocks(of measurement: Measurement) -> [String] {
        let total = measurement.blocks.reduce(0) { $0 + $1.seconds }
        return measurement.blocks.map { block in
            let share = String(format: "%.1f %%", block.seconds / total * 100)
            return row("  \(block.path)", [milliseconds(block.seconds), share], width: 44)
        }
    }

    private func row(_ name: String, _ columns: [String], width: Int = 10) -> String {
        let cells = columns.map { String(repeating: " ", count: max(0, 14 - $0.count)) + $0 }
        return name.padding(toLength: width, withPad: " ", startingAt: 0) + cells.joined()
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
