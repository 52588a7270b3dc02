import ArgumentParser
import Compute
import Diffusion
import Models
import Stages

/// Times the stages of one model folder: text encoder, UNet without and with guidance, decoder.
@main
struct Model: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Times each stage of a model folder, its blocks and its loading, and says what memory it takes.",
        discussion: """
            swift run -c release --package-path Benchmarks model models/emoji --size 256 --precision int8 --layers

            Each network is loaded, warmed up and timed by itself, and is gone before the next; the peak of the process is \
            therefore that of the largest. With one thread the process's own time \
            counts, which a busy machine does not disturb.
            """)

    @Argument(help: "A diffusers folder.")
    var folder: String

    @Option(help: "Side of the picture in pixels; the model's own size without it.")
    var size: Int?

    @Option(
        help:
            "How weights are kept and multiplied: \(WeightPrecision.allCases.map(\.rawValue).joined(separator: ", ")).")
    var precision = WeightPrecision.fp32

    @Option(
        parsing: .upToNextOption,
        help: "What to time: \(Stage.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")).")
    var stages = Stage.allCases

    @Option(help: "Times of each stage.")
    var repetitions = 5

    @Option(help: "How often each network is loaded.")
    var loads = 2

    @Option(help: "Threads that compute.")
    var threads = 2

    @Option(help: "A folder for prepared weights: the first loading fills it, the next ones map it.")
    var cache: String?

    @Flag(help: "Time every block too.")
    var layers = false

    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        guard repetitions > 0, threads > 0, loads > 0, size ?? 8 > 0 else {
            throw ValidationError("--repetitions, --threads, --loads and --size must be positive.")
        }
    }

    mutating func run() throws {
        let model = try ModelFolder(path: folder)
        let size = try size ?? Recipe(model).defaults.width
        let pool = try ThreadPool(threads: threads)
        let store = cache.map { PreparedStore(directory: $0) }
        let preparation = Preparation(precision, rules: try model.precisionRules(), store: store, pool: pool)
        let options = Measurement.Options(
            size: size, preparation: preparation, repetitions: repetitions, loads: loads, timesBlocks: layers)
        let report = Report(
            model: model.name, precision: precision, size: size, threads: threads,
            loadSeconds: try loadSeconds(of: model, store),
            measurements: try stages.map { try Measurement($0, of: model, pool: pool, options: options) },
            peakBytes: try Report.peakOfProcess())
        print(json ? try report.json() : report.table)
    }

    /// All that stands between a folder and a model that draws: tokenizer, configurations, and the networks but for the encoder.
    private func loadSeconds(of model: ModelFolder, _ store: PreparedStore?) throws -> [Double] {
        let stopwatch = Stopwatch(threads: threads)
        return try (0..<loads).map { _ in
            try stopwatch.measure {
                try Pipeline(folder: model, precision: precision, store: store, threads: threads).load()
            }
        }
    }
}

extension WeightPrecision: @retroactive ExpressibleByArgument {}
extension Stage: ExpressibleByArgument {}
