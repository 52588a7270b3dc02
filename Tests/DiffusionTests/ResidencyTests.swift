import Compute
import Diffusion
import Models
import Synchronization
import Testing

/// Which weights are in memory while a picture is made: never another picture, never more than planned.
@Suite(.serialized)
struct ResidencyTests {
    private let settings = GenerationSettings(
        prompt: "a red apple", negativePrompt: "blue", width: 40, height: 24, seed: 5, steps: 3, guidanceScale: 4,
        sampler: "euler")

    /// What the kernel may keep of the files' headers and edges: a fault brings its neighbours in, 64 KiB at a time.
    private let slack = 4 << 16

    private func pipeline(
        _ model: String, cache: String?, _ residency: Residency = .together, precision: WeightPrecision = .int8
    ) throws -> Pipeline {
        try Pipeline(
            folder: ModelFolder(path: GoldenIndex.model(model)), precision: precision,
            store: cache.map { PreparedStore(directory: $0) }, threads: 2, residency: residency)
    }

    @Test(
        "every mode makes the same picture with no more weights in memory than planned",
        arguments: ["tiny", "sd1", "lcm"])
    func modes(model: String) throws {
        let folder = try ScratchFolder()
        let expected = try pipeline(model, cache: folder.path).generate(settings).image
        for residency in Residency.allCases {
            let pipeline = try pipeline(model, cache: folder.path, residency)
            let plan = try pipeline.memoryPlan(settings)
            if residency != .together { #expect(folder.residentBytes < slack, "opening and planning keep no weights") }
            var planned = 0
            for _ in 0..<2 {
                let image = try pipeline.generate(settings) { progress in
                    if case .stage(let name) = progress, let stage = plan.stages.first(where: { $0.stage == name }) {
                        planned = try #require(plan.weightBytes(stage, residency))
                    }
                    let resident = folder.residentBytes
                    #expect(resident <= planned + slack, "\(residency): \(progress)")
                }.image
                #expect(image == expected)
            }
            #expect((folder.residentBytes < slack) == (residency != .together))
        }
    }

    @Test("a plan takes less from mode to mode, and only mapped weights can be streamed")
    func plans() throws {
        let folder = try ScratchFolder()
        let mapped = try pipeline("sd1", cache: folder.path)
        _ = try mapped.memoryPlan(settings)
        let plan = try pipeline("sd1", cache: folder.path).memoryPlan(settings)
        let peaks = try Residency.allCases.map { try #require(plan.peakBytes($0)) }
        #expect(peaks == peaks.sorted(by: >) && Set(peaks).count == 3)
        #expect(plan.stages.allSatisfy { $0.preparedWeightBytes < 1 << 16 })
        let alone = try pipeline("sd1", cache: nil).memoryPlan(settings)
        #expect(alone.peakBytes(.streamed) == nil)
    }

    @Test("where the limit falls between two stages the picture goes on with less, and is the same picture")
    func falling() throws {
        let folder = try ScratchFolder()
        let expected = try pipeline("sd1", cache: folder.path).generate(settings).image
        let pipeline = try pipeline("sd1", cache: folder.path)
        let plan = try pipeline.memoryPlan(settings)
        let unet = try #require(plan.stages.first { $0.stage == .unet })
        for residency in Residency.allCases {
            let fallen = try #require(plan.peakBytes(unet, residency))
            let limit = Limit()
            pipeline.use(.together)
            pipeline.budget = MemoryBudget(baselineBytes: 0) { limit.bytes }
            let generation = try pipeline.generate(settings) { progress in
                if case .stage(let stage) = progress { limit.bytes = stage == .unet ? fallen : .max }
            }
            #expect(generation.residency == residency)
            #expect(generation.image == expected)
        }
    }

    @Test("a decoder that does not fit as a whole decodes in bands, as planned")
    func bands() throws {
        var settings = settings
        (settings.width, settings.height) = (256, 256)
        let folder = try ScratchFolder()
        let expected = try pipeline("sd1", cache: folder.path, precision: .fp32).generate(settings).image
        let pipeline = try pipeline("sd1", cache: folder.path, precision: .fp32)
        pipeline.scratchDirectory = folder.path
        let whole = try pipeline.memoryPlan(settings)
        let most = try #require(whole.peakBytes(.together))
        pipeline.budget = MemoryBudget(baselineBytes: 0) { most / 3 }
        let (plan, residency) = try pipeline.fit(settings)
        let decoder = try #require(plan.stages.last)
        #expect(decoder.bands != nil)
        #expect(try #require(plan.peakBytes(residency)) <= most / 3)
        let image = try pipeline.generate(settings).image
        #expect(zip(image.bytes, expected.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
    }

    @Test("where the limit falls below all that would do, the picture is given up with the least that would")
    func fallenTooFar() throws {
        let folder = try ScratchFolder()
        let pipeline = try pipeline("sd1", cache: folder.path)
        let plan = try pipeline.memoryPlan(settings)
        let limit = Limit()
        pipeline.budget = MemoryBudget(baselineBytes: 0) { limit.bytes }
        let error = #expect(throws: DiffusionError.self) {
            try pipeline.generate(settings) { progress in
                if case .stage(.decoder) = progress { limit.bytes = 1000 }
            }
        }
        guard case .insufficientMemory(.decoder, let needed, 1000)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        // In bands it takes less than any way of the whole.
        #expect(needed > 1000 && needed < plan.peakBytes(plan.stages[plan.stages.count - 1], .streamed) ?? 0)
        limit.bytes = .max
        pipeline.use(.together)
        #expect(try pipeline.generate(settings).image.width == settings.width)
    }
}

/// A limit that falls.
private final class Limit: Sendable {
    private let stored = Mutex(Int.max)

    var bytes: Int {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
