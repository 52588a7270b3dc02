import Compute
import Diffusion
import Foundation
import Models
import Testing

/// Damaged weights make no picture, whatever they are rounded to, and the error says where the damage is.
@Suite(.serialized)
struct DamageTests {
    private let settings = GenerationSettings(
        prompt: "a red apple", negativePrompt: "blue", width: 64, height: 64, seed: 5, steps: 2, guidanceScale: 4,
        sampler: "euler")

    private func error(
        _ model: FloatModel, _ precision: WeightPrecision, cache: String? = nil,
        _ change: (Pipeline, inout GenerationSettings) throws -> Void = { _, _ in }
    ) throws -> DiffusionError? {
        let pipeline = try Pipeline(
            folder: ModelFolder(path: model.path), precision: precision,
            store: cache.map { PreparedStore(directory: $0) }, threads: 2)
        var settings = settings
        try change(pipeline, &settings)
        return #expect(throws: DiffusionError.self) { try pipeline.generate(settings) }
    }

    /// A matrix, filters, a norm, a bias and a table, some of which are laid out and some of which are used as they are.
    static let tensors = [
        ("vae", "decoder.conv_in.weight"), ("vae", "decoder.mid_block.resnets.0.norm1.weight"),
        ("vae", "decoder.conv_out.bias"), ("unet", "conv_in.weight"), ("unet", "time_embedding.linear_1.weight"),
        ("unet", "conv_norm_out.bias"), ("text_encoder", "text_model.embeddings.token_embedding.weight"),
        ("text_encoder", "text_model.encoder.layers.0.mlp.fc1.weight"),
        ("text_encoder", "text_model.final_layer_norm.bias"),
    ]

    @Test(
        "one number that is not finite in any weight is refused at every precision, with file and tensor",
        arguments: tensors, WeightPrecision.allCases)
    func weights(_ tensor: (String, String), _ precision: WeightPrecision) throws {
        for (value, isCached) in [(Float.nan, false), (.nan, true), (-.infinity, true)] {
            let folder = try ScratchFolder()
            let model = try FloatModel("sd1", in: folder.path) { component, name, values in
                if (component, name) == tensor { values[values.count / 2] = value }
            }
            let cache = isCached ? "\(folder.path)/cache" : nil
            guard case .model(let error)? = try error(model, precision, cache: cache) else {
                Issue.record("\(tensor) at \(precision)")
                continue
            }
            let text = error.description
            #expect(text.contains(model.file(tensor.0)) && text.contains("'\(tensor.1)'"), "\(text)")
            #expect(text.contains("not finite"))
            guard let cache else { continue }
            let component = tensor.0 == "vae" ? "vae" : tensor.0
            let left = try FileManager.default.contentsOfDirectory(atPath: cache)
            #expect(!left.contains { $0.contains(".\(component).") }, "nothing of it is kept: \(left)")
        }
    }

    @Test(
        "what overflows in a late stage is found there, as a whole and in bands",
        arguments: [("sd1", "decoder.conv_norm_out"), ("lcm", "decoder.conv_norm_out")], [WeightPrecision.fp32, .bf16])
    func decoder(_ damage: (String, String), _ precision: WeightPrecision) throws {
        let folder = try ScratchFolder()
        let model = try FloatModel(damage.0, in: folder.path) { _, name, values in
            if name.hasPrefix(damage.1) { values = values.map { _ in 3e38 } }
        }
        for isInBands in [false, true] {
            let found = try error(model, precision, cache: "\(folder.path)/cache") { pipeline, settings in
                guard isInBands else { return }
                (settings.width, settings.height) = (256, 256)
                pipeline.scratchDirectory = folder.path
                let most = try #require(try pipeline.memoryPlan(settings).peakBytes(.together))
                pipeline.budget = MemoryBudget(baselineBytes: 0) { most / 3 }
                #expect(try pipeline.fit(settings).plan.stages.last?.bands != nil)
            }
            guard case .resultNotFinite(.decoder)? = found else {
                Issue.record("\(String(describing: found))")
                continue
            }
            #expect(found?.description.contains("'decoder'") == true && found?.isTransient == false)
        }
    }

    @Test("a tiny autoencoder's picture is looked at, too", arguments: [WeightPrecision.fp32, .int8])
    func tinyDecoder(_ precision: WeightPrecision) throws {
        let folder = try ScratchFolder()
        let model = try FloatModel("tiny", in: folder.path) { component, name, values in
            if component == "vae", name.hasPrefix("decoder."), name.hasSuffix(".bias") {
                values = values.map { _ in 3.4e38 }
            }
        }
        guard case .resultNotFinite(.decoder)? = try error(model, precision) else {
            Issue.record("the damage passes unseen")
            return
        }
    }

    @Test("what overflows in the text encoder or in the encoder is named after them")
    func early() throws {
        let folder = try ScratchFolder()
        let text = try FloatModel("sd1", in: folder.path) { _, name, values in
            if name.hasPrefix("text_model.final_layer_norm") { values = values.map { _ in 3e38 } }
        }
        guard case .resultNotFinite(.textEncoder)? = try error(text, .fp32) else {
            Issue.record("the text encoder's damage passes unseen")
            return
        }
        let other = try ScratchFolder()
        let image = try FloatModel("sd1", in: other.path) { _, name, values in
            if name.hasPrefix("encoder.conv_norm_out") { values = values.map { _ in 3e38 } }
        }
        let found = try error(image, .fp32) { _, settings in
            let gray = PixelBuffer(width: 64, height: 64, bytes: [UInt8](repeating: 90, count: 64 * 64 * 3))
            settings.initImage = InitImage(pixels: gray, strength: 1)
        }
        guard case .resultNotFinite(.encoder)? = found else {
            Issue.record("\(String(describing: found))")
            return
        }
    }

    @Test("numbers that a precision has no room for are refused at that precision only")
    func room() throws {
        let folder = try ScratchFolder()
        let model = try FloatModel("sd1", in: folder.path) { component, name, values in
            if component == "unet", name == "mid_block.attentions.0.transformer_blocks.0.ff.net.2.weight" {
                values[7] = 1e6
            }
        }
        let rules = PrecisionRules([])
        for precision in WeightPrecision.allCases {
            let pipeline = try Pipeline(
                folder: ModelFolder(path: model.path), precision: precision, rules: rules, threads: 1)
            if precision == .int4 {
                let error = #expect(throws: DiffusionError.self) { try pipeline.load() }
                #expect(error?.description.contains("ff.net.2.weight") == true, "\(String(describing: error))")
            } else {
                try pipeline.load()
            }
        }
    }
}
