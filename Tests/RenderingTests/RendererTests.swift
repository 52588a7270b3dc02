import Foundation
import Images
import Jobs
import Planner
import Rendering
import Synchronization
import Testing

private let now = Timestamp(millisecondsSinceEpoch: 0)

private func renderer(_ memoryLimitBytes: Int = 4 << 30, threads: Int = 1) throws -> Renderer {
    try Renderer(
        catalog: ModelCatalog(directories: [fixtureModels]),
        options: .init(threads: threads, memoryLimit: { memoryLimitBytes }, version: "9.8.7"))
}

/// A job for the fixture `tiny` that is over in a moment.
private func request(_ change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
    var request = JobRequest(prompt: "a red apple", negativePrompt: "blue")
    request.model = "tiny"
    request.steps = 3
    request.width = 64
    request.height = 64
    change(&request)
    return request
}

extension Renderer {
    fileprivate func render(_ request: JobRequest, seed: UInt64 = 7) throws -> Rendered {
        try render(request, seed: seed, plan: try plan(request, now: now))
    }
}

@Suite("Renderer")
struct RendererTests {
    @Test("A job becomes a picture of its size that says how it was made")
    func picture() throws {
        let job = request {
            $0.width = 72
            $0.height = 64
            $0.sampler = .eulerAncestral
            $0.guidanceScale = 2.5
            $0.output.lossless = true
        }
        let rendered = try renderer().render(job, seed: .max)
        let image = try WebP.decode(rendered.webp)
        #expect((image.width, image.height) == (72, 64))
        #expect(Set(image.pixels).count > 8)
        let metadata = try PictureMetadata(webp: rendered.webp)
        #expect(metadata.prompt == "a red apple")
        #expect(metadata.negativePrompt == "blue")
        #expect(metadata.seed == .max)
        #expect(metadata.steps == 3)
        #expect(metadata.sampler == "euler-a")
        #expect(metadata.guidanceScale == 2.5)
        #expect(metadata.model == "tiny")
        #expect(metadata.modelSHA256 == rendered.record.model.sha256)
        #expect(metadata.modelSHA256.count == 64)
        #expect(metadata.isa == rendered.record.host.isa)
        #expect(metadata.version == "9.8.7")
        #expect(metadata.timings.map(\.stage) == ["load", "text", "denoise", "decode", "encode"])
    }

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

    @Test("A job made from a picture gives the same bitstream again", arguments: [true, false])
    func again(lossless: Bool) throws {
        let job = request { $0.output.lossless = lossless }
        let first = try renderer().render(job, seed: 123_456_789)
        let inspected = try PictureReport(webp: first.webp).job
        let copy = try JobRequest.decode(json: Array(inspected.utf8))
        #expect(copy == first.record.job)
        let second = try renderer().render(copy, seed: try #require(copy.seed))
        #expect(try WebP.bitstream(of: first.webp) == WebP.bitstream(of: second.webp))
        #expect(first.record.picture.bitstreamSHA256 == second.record.picture.bitstreamSHA256)
    }

    @Test("Threads, a warm pipeline and other jobs in between change no bit")
    func deterministic() throws {
        let warm = try renderer()
        let first = try warm.render(request()).record.picture.bitstreamSHA256
        let other = try warm.render(request(), seed: 8).record.picture.bitstreamSHA256
        _ = try warm.render(request { $0.model = "lcm" })
        #expect(first != other)
        #expect(try warm.render(request()).record.picture.bitstreamSHA256 == first)
        #expect(try renderer(threads: 3).render(request()).record.picture.bitstreamSHA256 == first)
    }

    @Test("Every sampler and both random sources of a job reach the engine", arguments: SamplerName.allCases)
    func samplers(sampler: SamplerName) throws {
        let renderer = try renderer()
        let digests = try RandomSourceName.allCases.map { rng in
            let record = try renderer.render(
                request {
                    $0.sampler = sampler
                    $0.rng = rng
                }
            ).record
            #expect(record.job.sampler == sampler)
            #expect(record.job.rng == rng)
            return record.picture.bitstreamSHA256
        }
        #expect(Set(digests).count == digests.count)
    }

    @Test("The record survives JSON, with the job's id at its top")
    func record() throws {
        var record = try renderer().render(request { $0.latencyBudget = .seconds(600) }).record
        record.id = JobID(rawValue: "apple-1")
        record.name = "apple"
        record.queue = .init(attempts: 1, createdAt: now, startedAt: now, finishedAt: now)
        let bytes = record.encoded()
        #expect(try JSONValue(parsing: bytes)["id"]?.string == "apple-1")
        #expect(try JSONDecoder().decode(ResultRecord.self, from: Data(bytes)) == record)
        #expect(record.metBudget == true)
        #expect(record.request.latencyBudget == .seconds(600))
        #expect(record.job.latencyBudget == nil)
        #expect(record.timings.stepSeconds.count == 3)
        #expect(record.memory.plannedBytes <= record.memory.limitBytes)
        #expect(record.memory.stages.map(\.planned.stage) == ["text_encoder", "unet", "decoder", "writing"])
        #expect(record.memory.stages.allSatisfy { $0.measuredBytes ?? 1 > 0 })
        #expect(record.memory.measuredBytes ?? 1 > 0)
    }

    @Test("Progress goes through the stages in order, never backwards, and ends near the whole")
    func progress() throws {
        let renderer = try renderer()
        _ = try renderer.render(request())
        var seen: [RenderingProgress] = []
        let plan = try renderer.plan(request(), now: now)
        _ = try renderer.render(request(), seed: 1, plan: plan) { seen.append($0) }
        let stages = seen.map { RenderingProgress.Stage.allCases.firstIndex(of: $0.stage) ?? -1 }
        #expect(stages == stages.sorted())
        #expect(Set(seen.map(\.stage)) == Set(RenderingProgress.Stage.allCases))
        #expect(seen.map(\.step) == seen.map(\.step).sorted())
        #expect(Set(seen.map(\.step)) == [0, 1, 2, 3])
        #expect(seen.allSatisfy { 0...1 ~= $0.fraction && $0.steps == 3 })
        #expect(seen.allSatisfy { ($0.remainingSeconds ?? -1) >= 0 })
        #expect(seen.count > 20)
    }

    private struct Stop: Error {}

    @Test("An observer that throws stops the picture with its own error, and the next picture is as ever")
    func interrupted() throws {
        let renderer = try renderer()
        let whole = try renderer.render(request()).record.picture.bitstreamSHA256
        let plan = try renderer.plan(request(), now: now)
        for stop in [RenderingProgress.Stage.loading, .denoising, .writing] {
            let error = #expect(throws: RenderingError.self) {
                try renderer.render(request(), seed: 7, plan: plan) { if $0.stage == stop { throw Stop() } }
            }
            guard case .interrupted(let reason)? = error, reason is Stop else {
                Issue.record("\(String(describing: error)) is no interruption")
                continue
            }
            #expect(error?.isTransient == true)
        }
        #expect(try renderer.render(request()).record.picture.bitstreamSHA256 == whole)
    }

    @Test("The intermediate tensors are written when they are asked for")
    func dump() throws {
        let directory = try ModelDirectory([:])
        let path = "\(directory.path)/dump.safetensors"
        let renderer = try renderer()
        _ = try renderer.render(request(), seed: 7, plan: try renderer.plan(request(), now: now), dump: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let header = String(decoding: bytes.prefix(4096), as: UTF8.self)
        for name in ["input_ids", "text_embeddings", "noise", "latents.1", "latents.3", "image"] {
            #expect(header.contains("\"\(name)\""))
        }
        let missing = "\(directory.path)/no/such/folder"
        #expect(throws: RenderingError.self) {
            try renderer.render(request(), seed: 7, plan: try renderer.plan(request(), now: now), dump: missing)
        }
    }

    @Test("A job that does not fit is refused before it starts, with the number")
    func memory() throws {
        let renderer = try renderer(512 << 20)
        let job = request {
            $0.width = 8192
            $0.height = 8192
        }
        let error = try #require(throws: RenderingError.self) {
            try renderer.render(job, seed: 7, plan: try renderer.plan(job, now: now)) { progress in
                #expect(progress.stage == .loading)
            }
        }
        #expect(error.code == "memory_limit")
        #expect(!error.isTransient)
        #expect(error.description.hasPrefix("8192 x 8192 needs "))
        #expect(error.description.contains("; the limit is 512 MiB; weights cannot be streamed without a cache folder"))
    }

    @Test("A model whose weights alone do not fit is refused before they are read")
    func weights() throws {
        let renderer = try renderer(1 << 20)
        let job = request()
        let error = try #require(throws: RenderingError.self) {
            try renderer.render(job, seed: 7, plan: try renderer.plan(job, now: now))
        }
        #expect(error.code == "memory_limit")
        #expect(error.description.contains(" at the least (tiny int4, 3 steps); the limit is 1 MiB"))
    }

    @Test("The largest size that a file can hold is refused with a number, not tried", arguments: [8192, 16376])
    func huge(side: Int) throws {
        let job = request {
            $0.width = side
            $0.height = side
        }
        let error = #expect(throws: RenderingError.self) { try renderer(512 << 20).dryRun(job, now: now) }
        #expect(error?.code == "memory_limit")
    }

    /// A limit that falls.
    private final class Limit: Sendable {
        private let stored = Mutex(4 << 30)

        var bytes: Int {
            get { stored.withLock { $0 } }
            set { stored.withLock { $0 = newValue } }
        }
    }

    @Test("A limit that falls while a picture is made gives the job back, one that has fallen keeps it waiting")
    func withdrawn() throws {
        let limit = Limit()
        let renderer = try Renderer(
            catalog: ModelCatalog(directories: [fixtureModels]),
            options: .init(threads: 1, memoryLimit: { limit.bytes }, version: "0"))
        let plan = try renderer.dryRun(request(), now: now)
        for stage in [RenderingProgress.Stage.encoding, .denoising, .decoding] {
            limit.bytes = 4 << 30
            let error = try #require(throws: RenderingError.self) {
                try renderer.render(request(), seed: 7, plan: plan) { if $0.stage == stage { limit.bytes = 2 << 20 } }
            }
            guard case .memoryWithdrawn(let needed, 2_097_152) = error else {
                Issue.record("\(error)")
                continue
            }
            #expect(needed > 2 << 20)
            #expect(error.isTransient)
            #expect(error.description.hasPrefix("the limit of memory fell to 2 MiB; "))
        }
        let early = try #require(throws: RenderingError.self) { try renderer.dryRun(request(), now: now) }
        #expect(early.isTransient)
        limit.bytes = 4 << 30
        _ = try renderer.render(request())
    }

    @Test("With a cache folder every mode draws the same, and the dry run of the plan is that of the picture")
    func modes() throws {
        let cache = try ModelDirectory([:])
        let renderer = try Renderer(
            catalog: ModelCatalog(directories: [fixtureModels]),
            options: .init(threads: 1, memoryLimit: { 4 << 30 }, cacheDirectory: cache.path, version: "0"))
        _ = try renderer.render(request())
        renderer.unload()
        let first = try renderer.render(request()).record
        #expect(first.memory.mode == .together)
        let memory = try #require(renderer.costs.members.first { $0.precision == .fp32 }?.memory)
        let peaks = memory.peaks(pixels: 64 * 64, evaluationsPerStep: 2, usesBands: false)
        for mode in MemoryMode.allCases {
            let most = first.memory.baselineBytes + (try #require(peaks[mode]))
            let job = request { $0.maxMemory = most }
            let plan = try renderer.dryRun(job, now: now)
            #expect(plan.memoryMode == mode)
            #expect(plan.memoryLimitBytes == job.maxMemory)
            let record = try renderer.render(job, seed: 7, plan: plan).record
            #expect(record.memory.mode == mode)
            #expect(record.memory.stages.map(\.planned) == plan.stages)
            #expect(record.memory.limitBytes == job.maxMemory)
            #expect(record.picture.bitstreamSHA256 == first.picture.bitstreamSHA256)
        }
    }

    @Test("A plan promises the time of the mode in which the picture will be made, whatever was known of other sizes")
    func promise() throws {
        let cache = try ModelDirectory([:])
        func renderer() throws -> Renderer {
            try Renderer(
                catalog: ModelCatalog(directories: [fixtureModels]),
                options: .init(threads: 1, memoryLimit: { 4 << 30 }, cacheDirectory: cache.path, version: "0"))
        }
        let other = try renderer()
        _ = try other.render(request())
        let peaks = try #require(other.costs.members.first).memory.peaks(
            pixels: 64 * 64, evaluationsPerStep: 2, usesBands: false)
        let renderer = try renderer()
        let large = try renderer.render(request { ($0.width, $0.height) = (256, 256) }).record
        let together = try #require(try renderer.dryRun(request(), now: now).prediction)
        let (streamed, oneStage) = (try #require(peaks[.streamed]), try #require(peaks[.oneStage]))
        var tight = request()
        tight.maxMemory = large.memory.baselineBytes + (streamed + oneStage) / 2
        let plan = try renderer.dryRun(tight, now: now)
        #expect(plan.memoryMode == .streamed)
        let ratio = try #require(plan.prediction).denoiseSeconds / together.denoiseSeconds
        #expect(abs(ratio - MemberCosts.streamingFactor) < 1e-6)
    }

    @Test("A job's own limit that nothing fits into is refused with the least that would do", arguments: [1, 1 << 20])
    func ownLimit(bytes: Int) throws {
        let cache = try ModelDirectory([:])
        let renderer = try Renderer(
            catalog: ModelCatalog(directories: [fixtureModels]),
            options: .init(threads: 1, memoryLimit: { 4 << 30 }, cacheDirectory: cache.path, version: "0"))
        for _ in 0..<2 {
            let error = try #require(throws: RenderingError.self) {
                try renderer.dryRun(request { $0.maxMemory = bytes }, now: now)
            }
            #expect(error.field == "max_memory")
            #expect(!error.isTransient)
            #expect(error.description.contains(" at the least") && !error.description.contains("cache folder"))
            // Measured now: the planner knows it by itself.
            _ = try renderer.render(request())
        }
    }

    @Test("A missing model is an error of the field model, with the models that there are")
    func missing() throws {
        let error = try #require(throws: RenderingError.self) {
            try renderer().plan(request { $0.model = "nothing" }, now: now)
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
        let error = try #require(throws: RenderingError.self) { try renderer.plan(request(), now: now) }
        #expect(error.failure.code == "model_unusable")
        #expect(error.failure.field == "model")
        #expect(error.failure.message.contains("latentd.json"))
    }

    @Test("A size that is no multiple of the model's factor names the field", arguments: [65, 68, 71])
    func size(side: Int) throws {
        let error = try #require(throws: RenderingError.self) {
            try renderer().plan(request { $0.height = side }, now: now)
        }
        #expect(error.field == "height")
        #expect(error.code == "invalid_size")
    }

    @Test("The digest of a model is remembered in the cache, and a damaged entry is not believed")
    func digestCache() throws {
        let cache = try ModelDirectory([:])
        func digest() throws -> String {
            let renderer = try Renderer(
                catalog: ModelCatalog(directories: [fixtureModels]),
                options: .init(threads: 1, memoryLimit: { 4 << 30 }, cacheDirectory: cache.path, version: "0"))
            return try renderer.render(request()).record.model.sha256
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
        let plan = try renderer.plan(request(), now: now)
        _ = try renderer.render(request(), seed: 7, plan: plan)
        #expect(renderer.planner.loaded != nil)
        renderer.use(ModelCatalog(directories: [fixtureModels]))
        #expect(renderer.planner.loaded != nil)
        renderer.use(ModelCatalog(directories: []))
        #expect(renderer.planner.loaded == nil)
        let error = #expect(throws: RenderingError.self) { try renderer.render(request(), seed: 7, plan: plan) }
        #expect(error?.code == "model_missing")
    }
}
