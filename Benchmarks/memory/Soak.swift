import ArgumentParser
import Foundation
import Jobs
import Planner
import Rendering

/// Draws many pictures of mixed sizes in one process, and says whether memory comes back.
struct Soak: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draws many pictures of mixed sizes with several models in turn, and compares resident memory.",
        discussion: "swift run -c release --package-path Benchmarks memory soak Tests/Fixtures/models --jobs 300")

    @Argument(help: "A folder of small models.")
    var models: String

    @Option(help: "Pictures, after each size was drawn once with each model.")
    var jobs = 300

    @Option(parsing: .upToNextOption, help: "Names of models, drawn with in turn by lot.")
    var names = ["tiny", "odd", "pruned"]

    @Option(parsing: .upToNextOption, help: "Sizes in pixels.")
    var sizes = ["64", "128x64", "64x192", "128", "256"].compactMap(PictureSize.init(argument:))

    @Option(help: "MiB that the process may have resident; as much as there is without it.")
    var limit: Int?

    @Option(help: "Threads that compute.")
    var threads = 2

    @Flag(help: "Print JSON.")
    var json = false

    /// What was found.
    struct Residency: Encodable {
        let jobs: Int
        /// After every size was drawn with every model, and after the last picture.
        var firstBytes: Int, lastBytes: Int
        /// After each picture, its highest.
        var highestBytes: Int

        var text: String {
            let mebibytes = Report.mebibytes
            return "\(jobs) pictures: resident \(mebibytes(firstBytes)) MiB before, \(mebibytes(lastBytes)) after "
                + "(\(mebibytes(lastBytes - firstBytes)) more), \(mebibytes(highestBytes)) at the most"
        }
    }

    func run() throws {
        let cache = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-soak-\(getpid())").path
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        let result = Result { try soak(cache) }
        try FileManager.default.removeItem(atPath: cache)
        let report = try result.get()
        print(json ? try Report.json(report) : report.text)
    }

    private func soak(_ cache: String) throws -> Residency {
        var memoryLimit: (@Sendable () -> Int)?
        if let bytes = limit?.mebibytes { memoryLimit = { bytes } }
        let renderer = try Renderer(
            catalog: ModelCatalog(directories: [models]),
            options: .init(
                threads: threads, memoryLimit: memoryLimit, cacheDirectory: cache,
                version: "benchmark"))
        let kinds = names.flatMap { name in sizes.map { (name, $0) } }
        for kind in kinds + kinds { try draw(kind, renderer, seed: 0) }
        var random = SystemRandomNumberGenerator()
        var report = Residency(jobs: jobs, firstBytes: ProcessStatus.bytes("VmRSS"), lastBytes: 0, highestBytes: 0)
        for number in 0..<jobs {
            try draw(kinds[Int.random(in: 0..<kinds.count, using: &random)], renderer, seed: UInt64(number))
            report.lastBytes = ProcessStatus.bytes("VmRSS")
            report.highestBytes = max(report.highestBytes, report.lastBytes)
        }
        return report
    }

    private func draw(_ kind: (name: String, size: PictureSize), _ renderer: Renderer, seed: UInt64) throws {
        var request = JobRequest(prompt: "a red apple")
        request.model = kind.name
        (request.width, request.height) = (kind.size.width, kind.size.height)
        request.steps = 1
        let plan = try renderer.dryRun(request, now: Timestamp(millisecondsSinceEpoch: 0))
        _ = try renderer.render(request, seed: seed, plan: plan)
    }
}
