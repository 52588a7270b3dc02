import Diffusion
import Foundation
import Models
import Terms
import Testing

/// Of two files that name different classes for a component, `model_index.json` counts, as in diffusers.
@Suite(.serialized)
struct ComponentClassTests {
    private func picture(_ path: String, _ sampler: Sampler? = nil) throws -> PixelBuffer {
        let pipeline = try Pipeline(folder: ModelFolder(path: path), threads: 2)
        let own = try #require(sampler ?? pipeline.recipe.defaults.sampler)
        return try pipeline.generate(
            GenerationSettings(
                prompt: "a red apple", width: 40, height: 24, seed: 5, steps: 4, guidanceScale: 4, sampler: own)
        ).image
    }

    private func spoiled(_ model: String, _ edit: BadFolder.Edit, _ body: (String) throws -> Void) throws {
        let scratch = try ScratchFolder()
        try body(BadFolder(edit, of: model, mentions: "").make(in: URL(fileURLWithPath: scratch.path)))
    }

    @Test(
        "The class in the component's own file changes nothing",
        arguments: [
            ("tiny", "vae/config.json", "_class_name", #""AutoencoderKL""#),
            ("sd1", "vae/config.json", "_class_name", #""AutoencoderTiny""#),
            ("sd1", "vae/config.json", "_class_name", #""VQModel""#),
            ("sd1", "unet/config.json", "_class_name", #""UNet3DConditionModel""#),
            ("sd1", "text_encoder/config.json", "architectures", #"["CLIPModel"]"#),
            ("sd1", "scheduler/scheduler_config.json", "_class_name", #""EulerDiscreteScheduler""#),
            ("odd", "scheduler/scheduler_config.json", "_class_name", #""EDMEulerScheduler""#),
        ])
    func ownFile(model: String, file: String, field: String, value: String) throws {
        let expected = try picture(GoldenIndex.model(model))
        try spoiled(model, .set(file: file, field: field, value: value)) { (path) throws in
            #expect(try picture(path) == expected)
        }
    }

    @Test("The class in the index does")
    func index() throws {
        let edit = BadFolder.Edit.set(
            file: "model_index.json", field: "scheduler", value: #"["diffusers","EulerDiscreteScheduler"]"#)
        try spoiled("sd1", edit) { (path) throws in
            let folder = try ModelFolder(path: path)
            #expect(try Recipe(folder).defaults.sampler == "euler")
            #expect(try picture(path) == picture(GoldenIndex.model("sd1"), "euler"))
        }
        // A tiny decoder is asked for, and the weights are another's.
        try spoiled("sd1", .set(file: "model_index.json", field: "vae", value: #"["diffusers","AutoencoderTiny"]"#)) {
            (path) throws in
            let error = #expect(throws: DiffusionError.self) {
                try Pipeline(folder: ModelFolder(path: path), threads: 1).load()
            }
            #expect(error?.description.contains("vae") == true)
        }
    }

    @Test("A folder without a sampler of its own opens, says why, and draws with one that is named")
    func withoutSampler() throws {
        let edit = BadFolder.Edit.set(
            file: "model_index.json", field: "scheduler", value: #"["diffusers","KDPM2DiscreteScheduler"]"#)
        try spoiled("sd1", edit) { (path) throws in
            let defaults = try Recipe(ModelFolder(path: path)).defaults
            #expect(defaults.sampler == nil && defaults.samplers == Sampler.allCases)
            #expect(defaults.samplerProblem?.description.contains("KDPM2DiscreteScheduler") == true)
            #expect(try picture(path, "dpm++2m") == picture(GoldenIndex.model("sd1"), "dpm++2m"))
        }
        try spoiled(
            "sd2", .set(file: "scheduler/scheduler_config.json", field: "thresholding", value: "true")
        ) { (path) throws in
            let defaults = try Recipe(ModelFolder(path: path)).defaults
            #expect(defaults.sampler == nil && defaults.samplers == ["euler", "euler-a", "pndm", "heun", "lms", "tcd"])
            #expect(defaults.samplerProblem?.description.contains("thresholding") == true)
            #expect(defaults.trialSampler == "euler")
        }
    }
}
