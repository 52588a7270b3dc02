import Diffusion
import Models
import Testing

/// The pipeline's manners: what it tells, when it stops, what it refuses. Its numbers are in `GoldenRunTests`.
@Suite(.serialized)
struct PipelineTests {
    private struct GivenUp: Error {}

    private func pipeline(_ model: String = "tiny", residency: Residency = .together) throws -> Pipeline {
        try Pipeline(folder: ModelFolder(path: GoldenIndex.model(model)), threads: 2, residency: residency)
    }

    private let settings = GenerationSettings(
        prompt: "a red apple", negativePrompt: "blue", width: 40, height: 24, seed: 5, steps: 3, guidanceScale: 4,
        sampler: "euler")

    @Test("the observer hears of every stage in order, of each step, and of blocks between")
    func progress() throws {
        var events: [String] = []
        let generation = try pipeline().generate(settings) { progress in
            switch progress {
            case .stage(let stage): events.append(stage.rawValue)
            case .step(let number, let count, _): events.append("\(number)/\(count)")
            case .block: if events.last != "block" { events.append("block") }
            }
        }
        #expect(
            events == [
                "text_encoder", "block", "unet", "block", "1/3", "block", "2/3", "block", "3/3", "decoder", "block",
            ])
        #expect(generation.timings.steps.count == 3)
        #expect(generation.timings.total >= generation.timings.decoding + generation.timings.textEncoding)
        #expect(generation.image.width == 40 && generation.image.height == 24)
    }

    @Test("an observer that throws ends the picture, and the next one is made as if nothing had been")
    func stopping() throws {
        let pipeline = try pipeline()
        let expected = try pipeline.generate(settings).image
        var blocks = 0, steps = 0
        let error = #expect(throws: DiffusionError.self) {
            try pipeline.generate(settings) { progress in
                if case .block = progress { blocks += 1 }
                if case .step = progress { steps += 1 }
                // In the middle of the first evaluation of the UNet.
                if blocks == 12 { throw GivenUp() }
            }
        }
        guard case .stopped(let cause)? = error else {
            Issue.record("not stopped: \(String(describing: error))")
            return
        }
        #expect(cause is GivenUp && blocks == 12 && steps == 0)
        #expect(try pipeline.generate(settings).image == expected)
    }

    @Test(
        "the largest picture is planned in numbers that do not overflow, with no matrix of all pixels by all pixels",
        arguments: ["sd1", "tiny"])
    func largest(model: String) throws {
        let cache = try ScratchFolder()
        let pipeline = try Pipeline(
            folder: ModelFolder(path: GoldenIndex.model(model)), store: PreparedStore(directory: cache.path), threads: 2
        )
        var settings = settings
        (settings.width, settings.height) = (16_384, 16_384)
        let plan = try pipeline.memoryPlan(settings)
        let tokens = 2048 * 2048
        for stage in plan.stages {
            #expect((0..<tokens * tokens).contains(stage.activationBytes), "\(stage.stage)")
        }
        // More than 2^31 elements.
        #expect(try #require(plan.stages.last).activationBytes > 4 << 31)
        pipeline.scratchDirectory = cache.path
        pipeline.budget = MemoryBudget(baselineBytes: 0) { 1 << 30 }
        let error = #expect(throws: DiffusionError.self) { try pipeline.fit(settings) }
        guard case .insufficientMemory(.unet, let least, 1 << 30)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(least > 1 << 30 && least < tokens * tokens)
        let decoder = try #require(plan.stages.last)
        let bands = try #require(try pipeline.leastBytes(plan, settings)[.decoder])
        #expect(bands < decoder.activationBytes / 8)
    }

    @Test("a size whose elements no number counts is refused by its field", arguments: [16_392, 1 << 31, 1 << 62])
    func vast(side: Int) throws {
        for (width, height) in [(side, 64), (64, side), (side, side)] {
            var settings = settings
            (settings.width, settings.height) = (width, height)
            let error = #expect(throws: DiffusionError.self) { try pipeline().memoryPlan(settings) }
            guard case .setting(let field, _)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(field == (width == side ? "width" : "height"))
        }
    }

    @Test("what stays resident does not change the picture, the seed does")
    func residency() throws {
        let image = try pipeline().generate(settings).image
        #expect(try pipeline(residency: .oneStage).generate(settings).image == image)
        var other = settings
        other.seed += 1
        #expect(try pipeline().generate(other).image != image)
    }

    @Test("the dump's noise is the random source's, and the text's batch follows the guidance")
    func dump() throws {
        var dump: TensorDump? = TensorDump()
        _ = try pipeline().generate(settings, observer: { _ in }, dump: &dump)
        var source = RandomSourceKind.latentd.source(seed: 5)
        #expect(dump?["noise"]?.values == .floats(source.normals(4 * 3 * 5)))
        #expect(dump?["input_ids"]?.shape == [2, 24])
        var unguided = settings
        unguided.guidanceScale = 1
        dump = TensorDump()
        _ = try pipeline().generate(unguided, observer: { _ in }, dump: &dump)
        #expect(dump?["input_ids"]?.shape == [1, 24])
    }

    @Test("settings that no picture can have are refused by their names")
    func refusals() throws {
        let pipeline = try pipeline()
        func field(_ change: (inout GenerationSettings) -> Void) -> String? {
            var settings = settings
            change(&settings)
            do throws(DiffusionError) {
                try pipeline.check(settings)
                return nil
            } catch {
                guard case .setting(let field, _) = error else { return "\(error)" }
                return field
            }
        }
        #expect(field { _ in } == nil)
        for size in [0, -8, 4, 44, 1_000_000_000, .max] {
            #expect(field { $0.width = size } == "width")
            #expect(field { $0.height = size } == "height")
        }
        for steps in [0, -1, 1001, .max] { #expect(field { $0.steps = steps } == "steps") }
        #expect(
            field {
                $0.sampler = "lcm"; $0.steps = 51
            } == "steps")
        #expect(field { $0.guidanceScale = .nan } == "guidance_scale")
        #expect(field { $0.clipSkip = 99 } == "clip_skip")
    }

    @Test("defaults come from the folder")
    func defaults() throws {
        let odd = try Recipe(ModelFolder(path: GoldenIndex.model("odd"))).defaults
        #expect(odd.sampler == "euler" && odd.sizeFactor == 8 && odd.height == 56 && odd.width == 72)
        let sd1 = try Recipe(ModelFolder(path: GoldenIndex.model("sd1"))).defaults
        #expect(sd1.sampler == "pndm" && sd1.steps == 50 && sd1.guidanceScale == 7.5)
        // Written by a diffusers that said too little; its pipeline takes 64.
        #expect(sd1.width == 512 && sd1.height == 512)
    }
}
