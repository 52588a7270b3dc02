import ArgumentParser
import Compute
import Foundation
import Stages

/// Decodes at sizes and limits, each beside the unbounded decode.
struct Sweep: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decodes at every size under every limit, in turns with the unbounded decode; compares pictures.")

    @Argument(help: "A diffusers folder.")
    var folder: String

    @Option(parsing: .upToNextOption, help: "Sizes in pixels: 512, 768x1344.")
    var sizes: [PictureSize]

    @Option(parsing: .upToNextOption, help: "Limits of the process in MiB.")
    var limits: [Int]

    @Option(help: "How weights are kept and multiplied.")
    var precision = WeightPrecision.fp32

    @Option(help: "Turns; each decodes once without and once with every limit.")
    var rounds = 3

    @Flag(help: "Decode nothing without a limit: where that does not fit, or is not to be waited for.")
    var boundedOnly = false

    @Option(help: "Draw time against limit into this file (SVG).")
    var chart: String?

    @OptionGroup var processes: ProcessOptions

    func validate() throws {
        guard rounds > 0, limits.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("--rounds and --limits must be positive.")
        }
    }

    func run() throws {
        // Laying out weights takes more than multiplying them: the first one does it, and is not counted.
        _ = try decode(PictureSize(width: 64, height: 64), limit: nil)
        var cases: [SweepCase] = []
        for size in sizes {
            var unbounded = SweepCase(size: size, limitBytes: nil)
            var bounded = limits.map { SweepCase(size: size, limitBytes: $0.mebibytes) }
            for _ in 0..<rounds {
                if !boundedOnly { unbounded.add(try decode(size, limit: nil)) }
                for index in bounded.indices where bounded[index].failure == nil {
                    bounded[index].add(try decode(size, limit: limits[index]))
                }
            }
            if !boundedOnly {
                for index in bounded.indices where bounded[index].failure == nil {
                    bounded[index].difference = try PictureDifference(
                        picture(size, limits[index]), picture(size, nil), size)
                    bounded[index].unboundedSeconds = unbounded.seconds.median
                }
                cases.append(unbounded)
            }
            cases += bounded
        }
        let report = SweepReport(precision: precision.rawValue, threads: processes.threads, cases: cases)
        print(processes.json ? try Report.json(report) : report.table)
        if let chart { try report.chart.svg.write(toFile: chart, atomically: true, encoding: .utf8) }
    }

    private func picture(_ size: PictureSize, _ limit: Int?) -> String {
        "\(processes.work)/\(size.argument)-\(limit.map(String.init) ?? "unbounded").rgb"
    }

    /// One process that decodes.
    private func decode(_ size: PictureSize, limit: Int?) throws -> Child {
        let arguments = [
            "--size", size.argument, "--precision", precision.rawValue, "--scratch", processes.work + "/scratch",
            "--output", picture(size, limit),
        ]
        return try processes.run("decode-task", folder, arguments, limit: limit, groupBytes: limit?.mebibytes)
    }
}
