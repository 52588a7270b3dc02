import Compute
import Diffusion
import Foundation
import Models
import Synchronization
import Testing

/// A picture ends wherever somebody asks for it, and leaves nothing behind: the next one has the same bits.
@Suite(.serialized)
struct StoppingTests {
    private struct Asked: Error {}

    private func settings(_ side: Int = 64, steps: Int = 2, initImage: Bool = false) -> GenerationSettings {
        var settings = GenerationSettings(
            prompt: "a red apple", negativePrompt: "blue", width: side, height: side, seed: 5, steps: steps,
            guidanceScale: 4, sampler: "euler")
        if initImage {
            let gray = PixelBuffer(width: side, height: side, bytes: [UInt8](repeating: 90, count: side * side * 3))
            settings.initImage = InitImage(pixels: gray, strength: 1)
        }
        return settings
    }

    private func pipeline(
        _ model: String = "sd1", _ precision: WeightPrecision = .fp32, cache: String? = nil
    ) throws -> Pipeline {
        try Pipeline(
            folder: ModelFolder(path: GoldenIndex.model(model)), precision: precision,
            store: cache.map { PreparedStore(directory: $0) }, threads: 2)
    }

    /// Whether the error is that somebody asked.
    private func isAsked(_ error: DiffusionError?) -> Bool {
        if case .stopped(let reason)? = error { reason is Asked } else { false }
    }

    @Test(
        "raised at any block of any stage, the flag ends the picture there and the next one is the same",
        arguments: ["sd1", "tiny", "lcm"], WeightPrecision.allCases)
    func everyBlock(_ model: String, _ precision: WeightPrecision) throws {
        let pipeline = try pipeline(model, precision)
        let settings = settings(initImage: true)
        var count = 0
        let expected = try pipeline.generate(settings) { if case .block = $0 { count += 1 } }.image
        for last in stride(from: 1, through: count, by: 7) {
            let flag = StopFlag()
            pipeline.stop = flag
            var blocks = 0
            let error = #expect(throws: DiffusionError.self) {
                try pipeline.generate(settings) { progress in
                    if case .block = progress { blocks += 1 }
                    if blocks == last { flag.raise(Asked()) }
                }
            }
            #expect(isAsked(error) && blocks == last, "\(blocks) of \(count): \(String(describing: error))")
        }
        pipeline.stop = nil
        #expect(try pipeline.generate(settings).image == expected)
    }

    @Test(
        "raised by another thread at any moment, even inside a block, it ends the picture, whole or in bands",
        arguments: ["sd1", "tiny"], [WeightPrecision.fp32, .int8, .int4])
    func anyMoment(_ model: String, _ precision: WeightPrecision) throws {
        let folder = try ScratchFolder()
        let pipeline = try pipeline(model, precision, cache: folder.path)
        pipeline.scratchDirectory = folder.path
        let settings = settings(256, initImage: true)
        let most = try #require(try pipeline.memoryPlan(settings).peakBytes(.together))
        for share in [1, model == "tiny" ? 2 : 3] {
            pipeline.budget = MemoryBudget(baselineBytes: 0) { most / share }
            _ = try pipeline.fit(settings)
            let start = ContinuousClock.now
            let expected = try pipeline.generate(settings).image
            let whole = ContinuousClock.now - start
            for part in 1..<12 {
                let flag = StopFlag()
                pipeline.stop = flag
                let thread = Thread {
                    Thread.sleep(forTimeInterval: whole * part / 12 / .seconds(1))
                    flag.raise(Asked())
                }
                thread.start()
                do throws(DiffusionError) {
                    // It may have been done before.
                    #expect(try pipeline.generate(settings).image == expected)
                } catch {
                    #expect(isAsked(error), "\(error)")
                }
            }
            pipeline.stop = nil
            #expect(try pipeline.generate(settings).image == expected)
        }
    }

    @Test("a raised flag ends loading, hashing and planning; nothing half-made is kept")
    func loading() throws {
        let folder = try ScratchFolder()
        let expected = try pipeline("sd1", .int8).generate(settings()).image
        for count in [1, 5, 40] {
            let pipeline = try pipeline("sd1", .int8, cache: folder.path)
            let flag = Mutex<StopFlag?>(nil), heard = Atomic(0)
            let stop = StopFlag {
                let number = heard.add(1, ordering: .relaxed).newValue
                if number == count { flag.withLock { $0 }?.raise(Asked()) }
            }
            flag.withLock { $0 = stop }
            pipeline.stop = stop
            #expect(isAsked(#expect(throws: DiffusionError.self) { try pipeline.memoryPlan(settings()) }))
            #expect(heard.load(ordering: .relaxed) <= count + 2)
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
            #expect(!names.contains { $0.contains(".tmp") }, "\(names)")
            flag.withLock { $0 = nil }
        }
        let model = try ModelFolder(path: GoldenIndex.model("sd1"))
        let flag = StopFlag()
        flag.raise(Asked())
        #expect(throws: ModelError.stopped) { try model.sha256(stop: flag) }
        #expect(try model.sha256().count == 64)
        let pipeline = try pipeline("sd1", .int8, cache: folder.path)
        #expect(try pipeline.generate(settings()).image == expected)
    }

    @Test("a memory limit that falls inside a stage is kept to at the next block, and no step is lost or done twice")
    func fallingLimit() throws {
        let folder = try ScratchFolder()
        let settings = settings(128, steps: 300)
        let expected = try pipeline("sd1", .int8, cache: folder.path).generate(settings).image
        let pipeline = try pipeline("sd1", .int8, cache: folder.path)
        let plan = try pipeline.memoryPlan(settings)
        let unet = try #require(plan.stages.first { $0.stage == .unet })
        let enough = try #require(plan.peakBytes(unet, .streamed))
        for (bytes, isEnough) in [(enough, true), (1000, false)] {
            let limit = Mutex(Int.max)
            pipeline.use(.together)
            pipeline.budget = MemoryBudget(baselineBytes: 0) { limit.withLock { $0 } }
            var steps = 0, stages: [StageName] = []
            do throws(DiffusionError) {
                let generation = try pipeline.generate(settings) { progress in
                    if case .stage(let stage) = progress {
                        stages.append(stage)
                        // The decoder takes more, and is not what this is about.
                        if stage == .decoder { limit.withLock { $0 = .max } }
                    }
                    if case .step = progress {
                        steps += 1
                        if steps == 2 { limit.withLock { $0 = bytes } }
                    }
                }
                #expect(isEnough && generation.image == expected && steps == 300)
                #expect(generation.residency == .streamed && generation.timings.steps.count == 300)
            } catch {
                guard !isEnough, case .insufficientMemory(.unet, _, 1000) = error else { throw error }
                #expect(steps >= 2 && steps < 300 && stages.last == .unet)
            }
        }
    }
}
