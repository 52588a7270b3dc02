import Foundation

/// `Tests/Fixtures/golden.json`: every comparison with diffusers, as the script that made the fixtures lists them.
struct GoldenIndex: Decodable {
    /// One call of each component of a model.
    struct Blocks: Decodable, CustomStringConvertible {
        let model: String
        let file: String
        var description: String { model }
    }

    /// A picture from the prompt to the pixels.
    struct Run: Decodable, CustomStringConvertible {
        let model: String
        let sampler: String
        let steps: Int
        let guidanceScale: Float
        let width: Int
        let height: Int
        let seed: String
        let prompt: String
        let negativePrompt: String?
        let clipSkip: Int?
        let file: String
        /// Evaluations, where they are not `steps`.
        let runningSteps: Int?
        var description: String { file }
    }

    /// A picture from another one.
    struct ImageRun: Decodable, CustomStringConvertible {
        let model: String
        let sampler: String
        let steps: Int
        let strength: Double
        let guidanceScale: Float
        let width: Int
        let height: Int
        let seed: String
        let prompt: String
        let negativePrompt: String
        let file: String
        let runningSteps: Int
        var description: String { file }
    }

    /// A LoRA, and the weights that it changes.
    struct LoRA: Decodable, CustomStringConvertible {
        let name: String
        let model: String
        let scale: Double
        /// How many weights.
        let tensors: Int
        var description: String { name }
    }

    /// Schedules over made-up model outputs.
    struct Schedules: Decodable {
        struct Entry: Decodable {
            /// The scheduler file's path below the fixtures' `golden` folder.
            let configuration: String
            let sampler: String
            let steps: Int
            let timesteps: [Double]
            let initialNoiseScale: Double
        }

        let file: String
        /// Seed of the samplers' own noise.
        let noiseSeed: String
        let entries: [Entry]
    }

    /// Token ids of one tokenizer.
    struct Tokenizer: Decodable, CustomStringConvertible {
        struct Case: Decodable {
            let text: String
            let ids: [Int]
        }

        let model: String
        let length: Int
        let padding: Int
        let cases: [Case]
        var description: String { model }
    }

    /// Sequences of torch's random numbers.
    struct Noise: Decodable {
        struct Entry: Decodable, CustomStringConvertible {
            let seed: String
            let counts: [Int]
            var description: String { "seed \(seed), \(counts)" }
        }

        let file: String
        let entries: [Entry]
    }

    let blocks: [Blocks]
    let encoders: [Blocks]
    let runs: [Run]
    let imageRuns: [ImageRun]
    let loras: [LoRA]
    let schedules: Schedules
    let tokenizers: [Tokenizer]
    let noise: Noise

    /// The fixtures' folder, found from this file's own place in the sources.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures").path

    /// The folder of a tiny model.
    static func model(_ name: String) -> String {
        let folders = ["models", "families"].map { "\(folder)/\($0)/\(name)" }
        return folders.first(where: FileManager.default.fileExists) ?? folders[0]
    }

    /// Runs of the families beside Stable Diffusion 1 and 2, of `families.json`.
    struct Families: Decodable {
        let runs: [Run]

        /// The index, or nothing: `GoldenIndexTests` fails then.
        static let shared: Families? = try? GoldenIndex.read("families.json")
    }

    /// Reads the index.
    static func load() throws -> GoldenIndex {
        try read("golden.json")
    }

    private static func read<Index: Decodable>(_ file: String) throws -> Index {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Index.self, from: data)
    }

    /// The index, or nothing: `GoldenIndexTests` fails then, and the parameterized tests have no arguments.
    static let shared: GoldenIndex? = try? load()
}
