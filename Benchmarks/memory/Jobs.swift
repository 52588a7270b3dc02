import ArgumentParser
import Foundation
import Stages

/// Draws whole pictures under limits.
struct Jobs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws a picture of every model and size in every case, from the prompt to the file.",
        discussion: """
            swift run -c release --package-path Benchmarks memory jobs FOLDER ... --sizes 512 --cases int8 int8:1150 --work DIR

            Says for each the planned and the measured peak, and in the end how near they are. A control group has 5 % more than its limit.
            """)

    @Argument(help: "Diffusers folders.")
    var folders: [String]

    @Option(parsing: .upToNextOption, help: "Sizes in pixels: 512, 768x1344.")
    var sizes: [PictureSize]

    @Option(parsing: .upToNextOption, help: "A precision, or PRECISION:LIMIT with a limit in MiB.")
    var cases: [JobCase]

    @Option(help: "Denoising steps.")
    var steps = 2

    @Option(help: "Turns; each draws every case once.")
    var rounds = 1

    @OptionGroup var processes: ProcessOptions

    func run() throws {
        var results: [JobResult] = []
        for folder in folders {
            // Laying out weights takes more than multiplying them: the first pictures do it, and are not counted.
            let small = PictureSize(width: 64, height: 64)
            for precision in Set(cases.map(\.precision)).sorted() {
                _ = try draw(JobResult(folder, small, JobCase(precision, nil)), steps: 1)
            }
            results += sizes.flatMap { size in cases.map { JobResult(folder, size, $0) } }
        }
        for _ in 0..<rounds {
            for index in results.indices where results[index].failure == nil {
                results[index].add(try draw(results[index], steps: steps))
            }
        }
        print(processes.json ? try Report.json(results) : JobResult.table(results))
    }

    /// One process that draws.
    private func draw(_ one: JobResult, steps: Int) throws -> Child {
        try processes.run(
            "job-task", one.folder,
            ["--size", one.size.argument, "--precision", one.at.precision, "--steps", "\(steps)"], limit: one.at.limit,
            groupBytes: one.at.limit.map { $0.mebibytes * 105 / 100 })
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

/// All pictures of one model and size in one case.
struct JobResult: Encodable {
    let folder: String
    let size: PictureSize
    let at: JobCase
    var measurements: [JobMeasurement] = []
    var groups: [Child.GroupUse] = []
    /// Why there is no picture.
    var failure: String?

    init(_ folder: String, _ size: PictureSize, _ one: JobCase) { (self.folder, self.size, at) = (folder, size, one) }

    mutating func add(_ child: Child) {
        if let group = child.group { groups.append(group) }
        guard child.status == 0, let one = try? JSONDecoder().decode(JobMeasurement.self, from: child.output) else {
            failure = child.reason
            return
        }
        measurements.append(one)
    }

    static func table(_ results: [JobResult]) -> String {
        let head = [
            "model", "size", "precision", "limit", "mode", "planned", "peak", "load", "text", "step", "decode", "whole",
            "group's peak, kills",
        ]
        let peaks = results.compactMap { $0.peaks }
        return Report.table(head, results.map(\.row)) + "\n\n" + Report.planKept(peaks)
    }

    /// The highest of all turns, in bytes; nil where there is no picture.
    private var peaks: (planned: Int, measured: Int)? {
        guard failure == nil, let planned = measurements.map(\.plannedPeakBytes).max(),
            let measured = measurements.map(\.peakBytes).max()
        else { return nil }
        return (planned, measured)
    }

    private var row: [String] {
        let model = folder.split(separator: "/").last.map(String.init) ?? folder
        let names = [model, "\(size)", at.precision, at.limit.map { "\($0)" } ?? "none"]
        guard let peaks else { return names + Array(repeating: "", count: 8) + [failure ?? ""] }
        let seconds = { (value: (JobMeasurement) -> Double) in
            String(format: "%.2f s", measurements.map(value).median)
        }
        let group = groups.compactMap(\.peakBytes).max().map {
            "\(Report.mebibytes($0)), \(groups.reduce(0) { $0 + $1.kills })"
        }
        return names + [
            measurements.last?.mode ?? "", Report.mebibytes(peaks.planned), Report.mebibytes(peaks.measured),
            seconds(\.loadSeconds), seconds(\.textSeconds), seconds { $0.stepSeconds.median }, seconds(\.decodeSeconds),
            seconds(\.totalSeconds), group ?? "",
        ]
    }
}
