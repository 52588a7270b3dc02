import ArgumentParser
import Foundation
import MemoryGroup
import Stages

/// Draws whole pictures under limits.
struct Jobs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws a picture at every precision under its limit, from the prompt to the file.",
        discussion: """
            swift run -c release --package-path Benchmarks memory jobs FOLDER --size 512 --cases int8 int8:1150 int4:700 --groups
            """)

    @Argument(help: "A diffusers folder.")
    var folder: String

    @Option(help: "Size in pixels.")
    var size: PictureSize

    @Option(parsing: .upToNextOption, help: "A precision, or PRECISION:LIMIT with a limit in MiB.")
    var cases: [JobCase]

    @Option(help: "Denoising steps.")
    var steps = 2

    @Option(help: "Turns; each draws every case once.")
    var rounds = 1

    @Option(help: "Threads that compute.")
    var threads = 2

    @Option(help: "Where prepared weights and scratch files go.")
    var work: String

    @Flag(help: "Put every case into a control group of its limit plus 5 %, without swap.")
    var groups = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
        // Laying out weights takes more than multiplying them: the first pictures do it, and are not counted.
        for precision in Set(cases.map(\.precision)).sorted() { _ = try draw(JobCase(precision, nil), "64", 1) }
        var results = cases.map { JobResult(at: $0) }
        for _ in 0..<rounds {
            for index in results.indices where results[index].failure == nil {
                results[index].add(try draw(results[index].at, size.argument, steps))
            }
        }
        print(json ? try JobResult.json(results) : JobResult.table(results))
    }

    /// One process that draws.
    private func draw(_ one: JobCase, _ size: String, _ steps: Int) throws -> Child {
        let cache = work + "/cache"
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        var arguments = [
            "job-task", folder, "--size", size, "--precision", one.precision, "--steps", "\(steps)", "--cache", cache,
            "--threads", "\(threads)",
        ]
        if let limit = one.limit { arguments += ["--limit", "\(limit)"] }
        let group = groups ? one.limit.map { $0.mebibytes * 105 / 100 } : nil
        if group != nil {
            MemoryGroup.forget(below: cache)
            MemoryGroup.forget(below: folder)
        }
        return try Child(Child.ownProgram, arguments, groupBytes: group)
    }
}

/// A precision, and the limit under which it is drawn.
struct JobCase: ExpressibleByArgument, Encodable {
    let precision: String
    /// MiB; nil for none.
    let limit: Int?

    init(_ precision: String, _ limit: Int?) {
        (self.precision, self.limit) = (precision, limit)
    }

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(parts.count), ["fp32", "bf16", "int8", "int4"].contains(parts[0]) else { return nil }
        let limit = parts.count == 2 ? Int(parts[1]) : nil
        guard parts.count == 1 || limit ?? 0 > 0 else { return nil }
        self.init(parts[0], limit)
    }
}

/// All pictures of one case.
struct JobResult: Encodable {
    let at: JobCase
    var measurements: [JobMeasurement] = []
    var groups: [Child.GroupUse] = []
    /// Why there is no picture.
    var failure: String?

    init(at one: JobCase) { at = one }

    mutating func add(_ child: Child) {
        if let group = child.group { groups.append(group) }
        guard child.status == 0, let one = try? JSONDecoder().decode(JobMeasurement.self, from: child.output) else {
            failure = child.reason
            return
        }
        measurements.append(one)
    }

    static func json(_ results: [JobResult]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return String(decoding: try encoder.encode(results), as: UTF8.self)
    }

    static func table(_ results: [JobResult]) -> String {
        let head = [
            "precision", "limit", "mode", "planned", "peak", "load", "text", "step", "decode", "whole",
            "group's peak, kills",
        ]
        return ([head, ["---"] + head.dropFirst().map { _ in "---:" }] + results.map(\.row))
            .map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }

    private var row: [String] {
        let mebibytes = { (bytes: Int) in String(format: "%.0f MiB", Double(bytes) / 1_048_576) }
        let names = [at.precision, at.limit.map { "\($0) MiB" } ?? "none"]
        if let failure { return names + Array(repeating: "", count: 8) + [failure] }
        let seconds = { (value: (JobMeasurement) -> Double) in
            String(format: "%.2f s", measurements.map(value).median)
        }
        return names + [
            measurements.last?.mode ?? "", mebibytes(measurements.map(\.plannedPeakBytes).max() ?? 0),
            mebibytes(measurements.map(\.peakBytes).max() ?? 0), seconds(\.loadSeconds), seconds(\.textSeconds),
            seconds { $0.stepSeconds.median }, seconds(\.decodeSeconds), seconds(\.totalSeconds),
            groups.isEmpty
                ? "" : "\(mebibytes(groups.compactMap(\.peakBytes).max() ?? 0)), \(groups.reduce(0) { $0 + $1.kills })",
        ]
    }
}
