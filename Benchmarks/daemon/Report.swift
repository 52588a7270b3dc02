import Foundation

/// What the benchmark found.
struct Report: Encodable {
    /// The daemon while nothing happens.
    struct Idleness: Encodable {
        let residentBytes: Int
        let privateBytes: Int
        let threads: Int
        let wakeUpsPerSecond: Double
        let cpuFraction: Double
    }

    /// Before the first job.
    let fresh: Idleness
    /// With the model that the jobs loaded.
    let afterJobs: Idleness
    /// From the rename into `incoming` to the claim.
    let dropMilliseconds: [Double]
    /// From the start of `latentctl submit` to the claim.
    let submitMilliseconds: [Double]

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    var table: String {
        [
            line("idle, fresh", fresh), line("idle, after jobs", afterJobs),
            line("drop to claim", dropMilliseconds), line("submit to claim", submitMilliseconds),
        ].joined(separator: "\n")
    }

    private func line(_ name: String, _ idle: Idleness) -> String {
        label(name)
            + String(
                format: "%.1f MiB resident (%.1f private), %d threads, %.2f wake-ups/s, %.3f %% of a core",
                Double(idle.residentBytes) / 1_048_576, Double(idle.privateBytes) / 1_048_576, idle.threads,
                idle.wakeUpsPerSecond, idle.cpuFraction * 100)
    }

    private func line(_ name: String, _ milliseconds: [Double]) -> String {
        let sorted = milliseconds.sorted()
        return label(name)
            + String(
                format: "median %.0f ms, fastest %.0f, slowest %.0f of %d", sorted[sorted.count / 2], sorted[0],
                sorted[sorted.count - 1], sorted.count)
    }

    private func label(_ name: String) -> String { name.padding(toLength: 18, withPad: " ", startingAt: 0) }
}
