import Jobs
import Planner
import Rendering
import Synchronization
import Testing

@Suite("Memory of a renderer")
struct RendererMemoryTests {
    @Test("A job that does not fit is refused before it starts, with the number")
    func memory() throws {
        let renderer = try renderer(limit: 512 << 20)
        let job = tinyJob {
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
        let renderer = try renderer(limit: 1 << 20)
        let job = tinyJob()
        let error = try #require(throws: RenderingError.self) {
            try renderer.render(job, seed: 7, plan: try renderer.plan(job, now: now))
        }
        #expect(error.code == "memory_limit")
        #expect(error.description.contains(" at the least (tiny int8, 3 steps); the limit is 1 MiB"))
    }

    @Test("The largest size that a file can hold is refused with a number, not tried", arguments: [8192, 16376])
    func huge(side: Int) throws {
        let job = tinyJob {
            $0.width = side
            $0.height = side
        }
        let error = #expect(throws: RenderingError.self) { try renderer(limit: 512 << 20).dryRun(job, now: now) }
        #expect(error?.code == "memory_limit")
    }

    @Test("A job's own limit that nothing fits into is refused with the least that would do", arguments: [1, 1 << 20])
    func ownLimit(bytes: Int) throws {
        let cache = try ModelDirectory([:])
        let renderer = try renderer(cache: cache.path)
        for _ in 0..<2 {
            let error = try #require(throws: RenderingError.self) {
                try renderer.dryRun(tinyJob { $0.maxMemory = bytes }, now: now)
            }
            #expect(error.field == "max_memory")
            #expect(!error.isTransient)
            #expect(error.description.contains(" at the least") && !error.description.contains("cache folder"))
            // Measured now: the planner knows it by itself.
            _ = try renderer.render(tinyJob())
        }
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
        let plan = try renderer.dryRun(tinyJob(), now: now)
        for stage in [RenderingProgress.Stage.encoding, .denoising, .decoding] {
            limit.bytes = 4 << 30
            let error = try #require(throws: RenderingError.self) {
                try renderer.render(tinyJob(), seed: 7, plan: plan) { if $0.stage == stage { limit.bytes = 2 << 20 } }
            }
            guard case .memoryWithdrawn(let needed, 2_097_152) = error else {
                Issue.record("\(error)")
                continue
            }
            #expect(needed > 2 << 20)
            #expect(error.isTransient)
            #expect(error.description.hasPrefix("the limit of memory fell to 2 MiB; "))
        }
        let early = try #require(throws: RenderingError.self) { try renderer.dryRun(tinyJob(), now: now) }
        #expect(early.isTransient)
        limit.bytes = 4 << 30
        _ = try renderer.render(tinyJob())
    }

    @Test("With a cache folder every mode draws the same, and the dry run of the plan is that of the picture")
    func modes() throws {
        let cache = try ModelDirectory([:])
        let renderer = try renderer(cache: cache.path)
        _ = try renderer.render(tinyJob())
        renderer.unload()
        let first = try renderer.render(tinyJob()).record
        #expect(first.memory.mode == .together)
        let memory = try #require(renderer.costs.members.first { $0.precision == .fp32 }?.memory)
        let peaks = memory.peaks(pixels: 64 * 64, evaluationsPerStep: 2, usesBands: false)
        for mode in MemoryMode.allCases {
            let most = first.memory.baselineBytes + (try #require(peaks[mode]))
            let job = tinyJob { $0.maxMemory = most }
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
        let other = try renderer(cache: cache.path)
        _ = try other.render(tinyJob())
        let peaks = try #require(other.costs.members.first).memory.peaks(
            pixels: 64 * 64, evaluationsPerStep: 2, usesBands: false)
        let renderer = try renderer(cache: cache.path)
        let large = try renderer.render(tinyJob { ($0.width, $0.height) = (256, 256) }).record
        let together = try #require(try renderer.dryRun(tinyJob(), now: now).prediction)
        let (streamed, oneStage) = (try #require(peaks[.streamed]), try #require(peaks[.oneStage]))
        var tight = tinyJob()
        tight.maxMemory = large.memory.baselineBytes + (streamed + oneStage) / 2
        let plan = try renderer.dryRun(tight, now: now)
        #expect(plan.memoryMode == .streamed)
        let ratio = try #require(plan.prediction).denoiseSeconds / together.denoiseSeconds
        #expect(abs(ratio - MemberCosts.streamingFactor) < 1e-6)
    }
}
