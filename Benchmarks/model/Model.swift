import ArgumentParser
import Compute
import Diffusion
import Models

/// Times the stages of one model folder: text encoder, UNet without and with guidance, decoder.
@main
struct Model: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Times each stage of a model folder and says what memory it takes.",
        discussion: """
            swift run -c release --package-path Benchmarks model models/emoji --size 256

            Stages are timed as the pipeline runs them: a first picture loads and warms up, then every repetition makes one \
            picture of two steps with guidance and one without, and the steps' own times count.
            """)

    @Argument(help: "A diffusers folder.")
    var folder: String

    @Option(help: "Side of the picture in pixels; the model's own size without it.")
    var size: Int?

    @Option(help: "Pictures of each kind.")
    var repetitions = 5

    @Option(help: "Threads that compute.")
    var threads = 2

    @Option(help: "How weights are kept and multiplied: fp32, bf16, int8 or int4.")
    var precision = "fp32"

    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        guard repetitions > 0, threads > 0, size ?? 8 > 0 else {
            throw ValidationError("--repetitions, --threads and --size must be positive.")
        }
    }

    mutating func run() throws {
        let model = try ModelFolder(path: folder)
        guard let precision = WeightPrecision(rawValue: precision) else {
            throw ValidationError("--precision is fp32, bf16, int8 or int4.")
        }
        let pipeline = try Pipeline(folder: model, precision: precision, threads: threads)
        let loading = try ContinuousClock().measure { try pipeline.load() }
        let width = size ?? pipeline.defaults.width
        let height = size ?? pipeline.defaults.height
        func settings(guided: Bool) -> GenerationSettings {
            GenerationSettings(
                prompt: "a red apple", width: width, height: height, seed: 1, steps: 2, guidanceScale: guided ? 4 : 1,
                sampler: .ddim)
        }

        _ = try pipeline.generate(settings(guided: true))
        var times: [String: [Double]] = [:]
        for _ in 0..<repetitions {
            for (guided, stage) in [(false, "unet b1"), (true, "unet b2")] {
                let timings = try pipeline.generate(settings(guided: guided)).timings
                times[stage, default: []] += timings.steps.map(\.seconds)
                times["decode", default: []].append(timings.decoding.seconds)
                // Guidance encodes two prompts; `text` is one.
                if !guided { times["text", default: []].append(timings.textEncoding.seconds) }
            }
        }
        let report = Report(
            model: model.name, width: width, height: height, threads: threads, loadSeconds: loading.seconds,
            measurements: ["text", "unet b1", "unet b2", "decode"].map {
                Measurement(stage: $0, seconds: times[$0] ?? [])
            },
            plannedBytes: try pipeline.memoryPlan(settings(guided: true)).peakBytes,
            peakBytes: try Report.peakOfProcess())
        print(json ? try report.json() : report.table)
    }
}

extension Duration {
    /// As a floating-point number.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
