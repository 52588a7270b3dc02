import ArgumentParser
import Compute
import Foundation
import Jobs
import Rendering

/// The process that draws: `jobs` starts one for each measurement.
struct JobTask: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job-task", abstract: "Draws a picture in this process, and prints JSON.", shouldDisplay: false)

    @Argument var folder: String
    @Option var size: PictureSize
    @Option var precision = WeightPrecision.int8
    @Option var steps: Int
    @Option(help: "MiB that the process may have resident; as much as there is without it.")
    var limit: Int?
    @Option(help: "Where prepared weights and checksums are kept.")
    var cache: String
    @Option var threads = 2
    @Option(help: "Where the picture goes (WebP).")
    var output: String?

    func run() throws {
        let model = URL(fileURLWithPath: folder)
        let renderer = try Renderer(
            catalog: ModelCatalog(directories: [model.deletingLastPathComponent().path]),
            options: .init(
                threads: threads, memoryLimit: { [limit] in limit?.mebibytes ?? Int.max / 2 }, cacheDirectory: cache,
                version: "benchmark"))
        var request = JobRequest(prompt: "a lighthouse at night")
        request.model = model.lastPathComponent
        request.precision = Precision(rawValue: precision.rawValue)
        (request.width, request.height) = (size.width, size.height)
        request.steps = steps
        request.output.lossless = true
        let rendered = try renderer.render(
            request, seed: 1, plan: try renderer.dryRun(request, now: Timestamp(millisecondsSinceEpoch: 0)))
        if let output { try Data(rendered.webp).write(to: URL(fileURLWithPath: output)) }
        let record = rendered.record
        let measurement = JobMeasurement(
            peakBytes: max(ProcessStatus.bytes("VmHWM"), record.memory.measuredBytes ?? 0),
            plannedPeakBytes: record.memory.plannedBytes, mode: record.memory.mode.rawValue,
            loadSeconds: record.timings.loadSeconds,
            textSeconds: record.timings.textSeconds, stepSeconds: record.timings.stepSeconds,
            decodeSeconds: record.timings.decodeSeconds, totalSeconds: record.timings.totalSeconds,
            bitstreamSHA256: record.picture.bitstreamSHA256)
        print(String(decoding: try JSONEncoder().encode(measurement), as: UTF8.self))
    }
}

/// What a process says that drew a picture.
struct JobMeasurement: Codable {
    /// Its highest resident memory, everything counted.
    var peakBytes: Int
    /// What that should be at the most.
    var plannedPeakBytes: Int
    /// Which weights were in memory.
    var mode: String
    var loadSeconds: Double
    var textSeconds: Double
    var stepSeconds: [Double]
    var decodeSeconds: Double
    var totalSeconds: Double
    /// The same for two pictures with the same pixels.
    var bitstreamSHA256: String
}
