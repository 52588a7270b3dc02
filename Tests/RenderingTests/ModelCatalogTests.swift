import Compute
import Diffusion
import Foundation
import Jobs
import Models
import Planner
import Rendering
import Testing

@Suite("Model catalog")
struct ModelCatalogTests {
    @Test("A plain diffusers folder gets its facts from its own files")
    func plain() throws {
        let facts = try #require(ModelCatalog(directories: [fixtureModels])["tiny"]).facts
        #expect((facts.family, facts.group) == ("stable-diffusion", "tiny"))
        #expect(facts.steps == [])
        #expect(facts.precisions == [.fp32, .bf16, .int8, .int4])
        #expect(facts.measuredPSNR.isEmpty)
        // diffusers takes 64 latent pixels where a file from before its version 0.9 says less.
        #expect((facts.defaults.width, facts.defaults.height) == (512, 512))
        #expect(facts.defaults.steps == 50)
        #expect(facts.defaults.guidanceScale == 7.5)
        #expect(facts.sizes == .init(minimum: 8, maximum: 16376, multiple: 8))
        #expect(facts.guidance == .classifierFree)
    }

    @Test("Every fixture is a model, and the one with a guidance embedding says so")
    func fixtures() throws {
        let catalog = ModelCatalog(directories: [fixtureModels])
        #expect(catalog.models.map(\.facts.name) == ["lcm", "odd", "pruned", "sd1", "sd2", "tiny"])
        #expect(catalog.problems.isEmpty)
        #expect(catalog.models.filter { $0.facts.guidance == .embedded }.map(\.facts.name) == ["lcm"])
        #expect(catalog["lcm"]?.facts.defaults.sampler == "lcm")
        #expect(catalog["odd"]?.facts.defaults.sampler == "euler")
        #expect(catalog["odd"]?.facts.defaults.width == 72)
        #expect(catalog["odd"]?.facts.defaults.height == 56)
        #expect(catalog.models.allSatisfy { $0.byteCount > 100_000 })
    }

    @Test(
        "The headers alone say what the weights will take", arguments: ["lcm", "odd", "pruned", "sd1", "sd2", "tiny"],
        [(Precision.fp32, WeightPrecision.fp32), (.bf16, .bf16), (.int8, .int8), (.int4, .int4)])
    func weightBytes(name: String, at pair: (Precision, WeightPrecision)) throws {
        let (precision, engines) = pair
        let model = try #require(ModelCatalog(directories: [fixtureModels])[name])
        let settings = GenerationSettings(
            prompt: "", width: 64, height: 64, seed: 0, steps: 1, guidanceScale: 1, sampler: "ddim")
        let plan = try Pipeline(folder: model.folder, precision: engines, threads: 1).memoryPlan(settings)
        let loaded = plan.stages.map(\.preparedWeightBytes).max() ?? 0
        let least = try #require(model.facts.weightBytes[precision])
        #expect(least <= loaded)
        if precision == .fp32 { #expect(least > loaded / 20 * 19) }
    }

    @Test("A manifest is laid over what the files say")
    func manifest() throws {
        let directory = try ModelDirectory(["small": "tiny"])
        try directory.write(tinyManifest, to: "small/latentd.json")
        let model = try #require(directory.catalog["small"])
        #expect(model.title == "Tiny")
        #expect(model.licence == "MIT")
        #expect(model.hasManifest)
        #expect(model.facts.name == "small")
        #expect(model.facts.group == "fixtures")
        #expect(model.facts.quality == 90)
        #expect(model.facts.steps == [2, 4, 8])
        #expect(model.facts.precisions == [.fp32, .int8])
        #expect(model.facts.measuredPSNR == [.int8: 36.5])
        #expect(
            model.facts.defaults == .init(width: 64, height: 64, steps: 8, guidanceScale: 3, sampler: "euler"))
        #expect(model.facts.sizes == .init(minimum: 16, maximum: 128, multiple: 16))
        #expect(model.facts.quality(.fp32, steps: 4) == 80)
    }

    @Test(
        "A manifest that makes no sense is a problem of that model, and names the field",
        arguments: [
            ("{\"format\": 2}", "format"), ("{}", "format"), ("{\"format\": 1, \"steps\": [0]}", "steps"),
            ("{\"format\": 1, \"steps\": 4}", "steps"), ("{\"format\": 1, \"default\": []}", "default"),
            ("{\"format\": 1, \"default\": {\"sampler\": \"fast\"}}", "sampler"),
            ("{\"format\": 1, \"precisions\": [\"int1\"]}", "precisions"),
            ("{\"format\": 1, \"precisions\": []}", "precisions"),
            ("{\"format\": 1, \"precisions\": \"int8\"}", "precisions"),
            ("{\"format\": 1, \"measured_error\": 3}", "measured_error"),
            ("{\"format\": 1, \"measured_error\": [{\"precision\": \"int8\"}]}", "psnr"),
            ("{\"format\": 1, \"guidance\": \"strong\"}", "guidance"),
            ("{\"format\": 1, \"guidance\": \"embedded\"}", "guidance"),
            (
                "{\"format\": 1, \"guidance\": \"distilled\", \"default\": {\"guidance_scale\": 3}}",
                "default.guidance_scale"
            ),
            ("{\"format\": 1, \"sizes\": {\"multiple\": 12}}", "multiple"),
            ("{\"format\": 1, \"sizes\": {\"minimum\": 64, \"maximum\": 32}}", "minimum"), ("[", "latentd.json"),
        ])
    func badManifest(text: String, field: String) throws {
        let directory = try ModelDirectory(["bad": "tiny", "good": "tiny"])
        try directory.write(text, to: "bad/latentd.json")
        let catalog = directory.catalog
        #expect(catalog.models.map(\.facts.name) == ["good"])
        let problem = try #require(catalog.problems.first)
        #expect(problem.name == "bad")
        #expect(problem.error.description.contains(field))
        #expect(problem.error.description.contains("latentd.json"))
    }

    @Test("A damaged folder is a problem, other files in the directory are nothing")
    func damaged() throws {
        let directory = try ModelDirectory(["broken": "tiny", "headless": "tiny", "good": "tiny"])
        try directory.write("{", to: "broken/model_index.json")
        try directory.write("short", to: "headless/unet/diffusion_pytorch_model.safetensors")
        try directory.write("a file", to: "README.md")
        try FileManager.default.createDirectory(
            atPath: "\(directory.path)/empty", withIntermediateDirectories: false)
        let catalog = directory.catalog
        #expect(catalog.models.map(\.facts.name) == ["good"])
        #expect(catalog.problems.map(\.name) == ["broken", "headless"])
    }

    @Test("Models with a manifest come first, and the first of two with one name counts")
    func order() throws {
        let first = try ModelDirectory(["b": "tiny", "z": "tiny"])
        let second = try ModelDirectory(["a": "tiny", "b": "lcm"])
        try first.write(tinyManifest, to: "z/latentd.json")
        let catalog = ModelCatalog(directories: [first.path, "/nonexistent", second.path])
        #expect(catalog.models.map(\.facts.name) == ["z", "b", "a"])
        #expect(catalog["b"]?.facts.guidance == .classifierFree)
    }

    @Test("Where a manifest states no quality, what was measured with the model's own settings is it")
    func measuredQuality() throws {
        let directory = try ModelDirectory(["m": "tiny"])
        let measured =
            #"[{"precision": "int8", "steps": 8, "quality": 70}, {"precision": "fp32", "steps": 8, "quality": 71}]"#
        let text = #"{"format": 1, "default": {"steps": 8}, "measured_quality": \#(measured)"#
        try directory.write(text + "}", to: "m/latentd.json")
        #expect(directory.catalog["m"]?.facts.quality == 71)
        try directory.write(text + #", "quality": 60}"#, to: "m/latentd.json")
        #expect(directory.catalog["m"]?.facts.quality == 60)
    }

    @Test("Members of a group may share a component by a link")
    func linked() throws {
        let directory = try ModelDirectory(["base": "tiny", "small": "tiny"])
        let link = "\(directory.path)/small/text_encoder", files = FileManager.default
        let before = try #require(directory.catalog["small"])
        try files.removeItem(atPath: link)
        try files.createSymbolicLink(atPath: link, withDestinationPath: "../base/text_encoder")
        let (base, small) = (try #require(directory.catalog["base"]), try #require(directory.catalog["small"]))
        #expect(small.byteCount == before.byteCount)
        #expect(try small.folder.sha256() == base.folder.sha256())
        #expect(small.facts.identity != base.facts.identity)

        // Prepared once; the pictures are those of a folder that has all of its own.
        let cache = "\(directory.path)/cache"
        let renderer = try Renderer(
            catalog: directory.catalog, options: .init(threads: 1, cacheDirectory: cache, version: "1"))
        func picture(_ model: String) throws -> String {
            var request = JobRequest(prompt: "a red apple")
            (request.model, request.width, request.height, request.steps) = (model, 64, 64, 1)
            let plan = try renderer.plan(request, now: Timestamp(millisecondsSinceEpoch: 0))
            return try renderer.render(request, seed: 1, plan: plan).record.picture.bitstreamSHA256
        }
        #expect(try picture("small") == picture("base"))
        let prepared = try files.contentsOfDirectory(atPath: "\(cache)/prepared").filter {
            $0.hasSuffix(".safetensors")
        }
        let parts = prepared.map { $0.split(separator: ".").prefix(2).joined(separator: ".") }
        #expect(parts.sorted() == ["base.text_encoder", "base.unet", "base.vae", "small.unet", "small.vae"])

        // What the link leads to changes: so does who has it.
        let file = "\(directory.path)/base/text_encoder/config.json"
        try files.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: file)
        #expect(directory.catalog["small"]?.facts.identity != small.facts.identity)

        // An import needs no link.
        let imported = try Importer(
            small.folder,
            .init(
                output: directory.path, name: "alone", precision: .int8, rules: small.folder.form.rules, tool: "tests")
        ).run()
        let kind = try files.attributesOfItem(atPath: "\(imported.path)/text_encoder")[.type] as? FileAttributeType
        #expect(kind == .typeDirectory && directory.catalog["alone"] != nil)
    }

    @Test("A model's identity changes when one of its files does")
    func identity() throws {
        let directory = try ModelDirectory(["m": "tiny"])
        let before = try #require(directory.catalog["m"]).facts.identity
        #expect(try #require(directory.catalog["m"]).facts.identity == before)
        try directory.write(tinyManifest, to: "m/latentd.json")
        #expect(try #require(directory.catalog["m"]).facts.identity != before)
    }
}
