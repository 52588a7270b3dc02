import Foundation
import Jobs
import Planner
import Rendering
import Testing

@Suite("Models of a renderer")
struct RendererModelTests {
    @Test("A model with distilled guidance runs one evaluation a step, whatever its pipeline's files would suggest")
    func distilledGuidance() throws {
        let directory = try ModelDirectory(["fast": "tiny", "plain": "tiny"])
        let manifest = #"{"format": 1, "family": "f", "default": {"width": 64, "height": 64, "steps": 2}"#
        try directory.write(manifest + #", "guidance": "distilled"}"#, to: "fast/latentd.json")
        try directory.write(manifest + "}", to: "plain/latentd.json")
        let renderer = try Renderer(catalog: directory.catalog, options: .init(threads: 1, version: "1"))
        func record(_ model: String, scale: Double? = nil) throws -> ResultRecord {
            var job = JobRequest(prompt: "a red apple")
            (job.model, job.guidanceScale) = (model, scale)
            return try renderer.render(job).record
        }
        func unetBytes(_ record: ResultRecord) -> Int? {
            record.memory.stages.first { $0.planned.stage == "unet" }?.planned.computingBytes
        }
        let (fast, guided, unguided) = (try record("fast"), try record("plain"), try record("plain", scale: 1))
        #expect(fast.picture.bitstreamSHA256 == unguided.picture.bitstreamSHA256 && fast.plan.guidanceScale == 1)
        #expect(fast.picture.bitstreamSHA256 != guided.picture.bitstreamSHA256)
        // A second evaluation is a second half of the batch.
        let (one, two) = (try #require(unetBytes(fast)), try #require(unetBytes(guided)))
        #expect(unetBytes(unguided) == one && two > one)
        let error = #expect(throws: RenderingError.self) { try record("fast", scale: 2) }
        #expect(error?.description.contains("guidance_scale 2.0 does not suit model \"fast\"") == true)

        let costs = try renderer.calibrate(try #require(directory.catalog["fast"]))
        let unet = try #require(costs.first?.memory.first { $0.stage == "unet" })
        #expect(unet.guided == unet.unguided)
    }

    @Test("A missing model is an error of the field model, with the models that there are")
    func missing() throws {
        let error = try #require(throws: RenderingError.self) {
            try renderer().plan(tinyJob { $0.model = "nothing" }, now: now)
        }
        #expect(error.failure.field == "model")
        #expect(error.failure.code == "model_missing")
        #expect(error.failure.kind == .permanent)
        #expect(error.failure.message.contains("lcm, odd, pruned, sd1, sd2, tiny"))
    }

    @Test("A pinned model that is broken says what is wrong with it")
    func broken() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        try directory.write("{\"format\": 99}", to: "tiny/latentd.json")
        let renderer = try Renderer(catalog: directory.catalog, options: .init(threads: 1, version: "0"))
        let error = try #require(throws: RenderingError.self) { try renderer.plan(tinyJob(), now: now) }
        #expect(error.failure.code == "model_unusable")
        #expect(error.failure.field == "model")
        #expect(error.failure.message.contains("latentd.json"))
    }

    @Test("A size that is no multiple of the model's factor names the field", arguments: [65, 68, 71])
    func size(side: Int) throws {
        let error = try #require(throws: RenderingError.self) {
            try renderer().plan(tinyJob { $0.height = side }, now: now)
        }
        #expect(error.field == "height")
        #expect(error.code == "invalid_size")
    }

    @Test("The digest of a model is remembered in the cache, and a damaged entry is not believed")
    func digestCache() throws {
        let cache = try ModelDirectory([:])
        func digest() throws -> String {
            let renderer = try renderer(cache: cache.path)
            return try renderer.render(tinyJob()).record.model.sha256
        }
        let first = try digest()
        let entry = try #require(try FileManager.default.contentsOfDirectory(atPath: "\(cache.path)/digests").first)
        let marked = String(repeating: "5", count: 64)
        try cache.write(marked, to: "digests/\(entry)")
        #expect(try digest() == marked)
        try cache.write("damaged", to: "digests/\(entry)")
        #expect(try digest() == first)
    }

    @Test("A catalog that lost the model lets it go")
    func reload() throws {
        let renderer = try renderer()
        let plan = try renderer.plan(tinyJob(), now: now)
        _ = try renderer.render(tinyJob(), seed: 7, plan: plan)
        #expect(renderer.planner.loaded != nil)
        renderer.use(ModelCatalog(directories: [fixtureModels]))
        #expect(renderer.planner.loaded != nil)
        renderer.use(ModelCatalog(directories: []))
        #expect(renderer.planner.loaded == nil)
        let error = #expect(throws: RenderingError.self) { try renderer.render(tinyJob(), seed: 7, plan: plan) }
        #expect(error?.code == "model_missing")
    }
}
