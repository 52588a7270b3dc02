import ArgumentParser
import Compute
import Diffusion
import Foundation
import Models
import Rendering
import Stages

/// Says what every precision changes in the pictures and the blocks of a model.
@main
struct Precision: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "precision",
        abstract: "Compares the pictures and the blocks of a model at every precision with those at fp32.",
        discussion: """
            swift run -c release --package-path Benchmarks precision models/emoji --prompts models/training/sheet-prompts.txt

            Prompt n is drawn from the noise of seed n, with the model's own settings. Blocks are compared over one evaluation \
            of each network, on noise.
            """)

    @Argument(help: "A diffusers folder.")
    var folder: String

    @Option(help: "A file with a prompt a line; no pictures without one.")
    var prompts: String?

    @Option(parsing: .upToNextOption, help: "What to compare: bf16, int8, int4.")
    var precisions: [WeightPrecision] = [.bf16, .int8, .int4]

    @Option(help: "Which tensors stay wider, instead of the model's rules (JSON).")
    var rules: String?

    @Option(help: "Only so many prompts, the first ones.")
    var limit: Int?

    @Option(help: "Denoising steps; the model's own without it.")
    var steps: Int?

    @Option(help: "Side of the picture in pixels; the model's own without it.")
    var size: Int?

    @Option(help: "Threads that compute.")
    var threads = 2

    @Flag(help: "Compare every block too.")
    var blocks = false

    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        guard threads > 0, limit ?? 1 > 0, steps ?? 1 > 0, size ?? 8 > 0 else {
            throw ValidationError("--threads, --limit, --steps and --size must be positive.")
        }
        guard prompts != nil || blocks else { throw ValidationError("Name --prompts, or ask for --blocks.") }
    }

    mutating func run() throws {
        let model = try ModelFolder(path: folder)
        let rules = try self.rules.map { try PrecisionRules(file: $0, for: model.form) } ?? model.precisionRules()
        let lines = try prompts.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? ""
        let prompts = lines.split(separator: "\n").prefix(limit ?? .max).map(String.init)
        var report = Report(model: model.name, prompts: prompts.count)
        if !prompts.isEmpty {
            let exact = try pictures(of: prompts, model, .fp32, rules)
            report.pictures = try precisions.map {
                PictureErrors($0.rawValue, of: try pictures(of: prompts, model, $0, rules), against: exact)
            }
        }
        if blocks {
            let side = try size ?? Recipe(model).defaults.width
            let pool = try ThreadPool(threads: threads)
            for stage in [Stage.unet1, .decode] {
                let reference = try BlockErrors.Reference(
                    stage, of: model, size: side, Preparation(.fp32, rules: rules, pool: pool))
                let errors = try precisions.map {
                    try BlockErrors(
                        stage, of: model, size: side, Preparation($0, rules: rules, pool: pool), against: reference)
                }
                report.stages.append(.init(stage: stage.rawValue, paths: reference.paths, precisions: errors))
            }
        }
        print(json ? try report.json() : report.table)
    }

    private func pictures(
        of prompts: [String], _ model: ModelFolder, _ precision: WeightPrecision, _ rules: PrecisionRules
    ) throws -> [PixelBuffer] {
        let pipeline = try Pipeline(folder: model, precision: precision, rules: rules, threads: threads)
        // The manifest's, where there is one.
        let own = try CatalogModel(path: folder).facts.defaults
        return try prompts.enumerated().map { number, prompt in
            let settings = GenerationSettings(
                prompt: prompt, width: size ?? own.width, height: size ?? own.height, seed: UInt64(number + 1),
                steps: steps ?? own.steps, guidanceScale: Float(own.guidanceScale),
                sampler: pipeline.recipe.defaults.trialSampler)
            return try pipeline.generate(settings).image
        }
    }
}

extension WeightPrecision: @retroactive ExpressibleByArgument {}
