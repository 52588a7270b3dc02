import Compute
import Diffusion
import Models
import Terms
import Testing

/// Whole pictures that begin with one against diffusers' image-to-image pipelines, with torch's random numbers: every sampler,
/// both autoencoders. Tolerances as in `GoldenRunTests`.
@Suite(.serialized)
struct GoldenImageRunTests {
    @Test(
        "a run gives diffusers' latents and picture",
        arguments: (GoldenIndex.shared?.imageRuns ?? []) + (GoldenSamplers.shared?.imageRuns ?? []))
    func run(_ run: GoldenIndex.ImageRun) throws {
        let golden = try GoldenTensors(run.file)
        let pipeline = try Pipeline(folder: ModelFolder(path: GoldenIndex.model(run.model)), threads: 2)
        let settings = try settings(run, golden)
        var dump: TensorDump? = TensorDump()
        var steps: [Int] = []
        let generation = try pipeline.generate(
            settings,
            observer: { progress in
                if case .step(let number, of: run.runningSteps, duration: _) = progress { steps.append(number) }
            }, dump: &dump)
        let tensors = try #require(dump)

        #expect(steps == Array(1...run.runningSteps))
        try expect(tensors, "init_latents", golden, tolerance: 1e-4)
        try expect(tensors, "noise", golden, tolerance: 1e-6)
        for step in 1...run.runningSteps { try expect(tensors, "latents.\(step)", golden, tolerance: 1e-3) }
        #expect(tensors["latents.\(run.runningSteps + 1)"] == nil)
        try expect(tensors, "image", golden, tolerance: 1e-3)
        let reference = try golden.channelsLast("image").map { Int((min(max($0 / 2 + 0.5, 0), 1) * 255).rounded()) }
        let far = zip(generation.image.bytes, reference).count { abs(Int($0) - $1) > 1 }
        #expect(Double(far) <= 0.001 * Double(reference.count), "\(far) of \(reference.count) samples are off")
    }

    @Test(
        "the peak found by the dry run is the peak of the run, whatever stays resident", arguments: Residency.allCases)
    func memoryPlan(_ residency: Residency) throws {
        for run in GoldenIndex.shared?.imageRuns ?? [] where run.runningSteps < 3 {
            let folder = try ModelFolder(path: GoldenIndex.model(run.model))
            let pipeline = try Pipeline(folder: folder, threads: 2, residency: residency)
            let settings = try settings(run, GoldenTensors(run.file))
            let plan = try pipeline.memoryPlan(settings)
            #expect(plan.stages.map(\.stage) == [.textEncoder, .encoder, .unet, .decoder])
            let generation = try pipeline.generate(settings)
            #expect(generation.activationPeakBytes == plan.stages.map(\.activationBytes).max(), "\(run)")
            #expect(try pipeline.generate(settings).image == generation.image)
        }
    }

    @Test("narrower weights give latents that are as near as their precision", arguments: ["sd1", "tiny"])
    func precisions(_ model: String) throws {
        let run = try #require(GoldenIndex.shared?.imageRuns.first { $0.model == model })
        let golden = try GoldenTensors(run.file)
        let reference = try golden.floats("init_latents")
        for (precision, tolerance) in [(WeightPrecision.bf16, 0.02), (.int8, 0.1), (.int4, 0.1)] {
            let folder = try ModelFolder(path: GoldenIndex.model(model))
            let pipeline = try Pipeline(folder: folder, precision: precision, threads: 2)
            var dump: TensorDump? = TensorDump()
            _ = try pipeline.generate(settings(run, golden), observer: { _ in }, dump: &dump)
            guard case .floats(let values)? = dump?["init_latents"]?.values else {
                throw GoldenError.noValue(name: "init_latents")
            }
            expectClose(values, reference, tolerance: tolerance, "\(precision)")
        }
    }

    @Test("settings that no picture can begin with are refused by their names")
    func refusals() throws {
        let run = try #require(GoldenIndex.shared?.imageRuns.first { $0.model == "tiny" })
        let pipeline = try Pipeline(folder: ModelFolder(path: GoldenIndex.model(run.model)), threads: 1)
        let settings = try settings(run, GoldenTensors(run.file))
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
        #expect(field { $0.width += 8 } == "init_image")
        for strength in [0, -0.5, 1.1, .nan, .infinity, 0.19] {
            #expect(field { $0.initImage?.strength = strength } == "strength", "\(strength)")
        }
        #expect(field { $0.initImage?.strength = 0.2 } == nil)
        #expect(field { $0.steps = .max } == "steps")
        #expect(
            field {
                $0.sampler = "lcm"; $0.initImage?.strength = 0.01
            } == "strength")
        #expect(
            field {
                $0.sampler = "lcm"; $0.steps = 5; $0.initImage?.strength = 0.08
            } == "steps")
    }

    private func settings(_ run: GoldenIndex.ImageRun, _ golden: GoldenTensors) throws -> GenerationSettings {
        let pixels = PixelBuffer(width: run.width, height: run.height, bytes: try golden.bytes("init_image"))
        return GenerationSettings(
            prompt: run.prompt, negativePrompt: run.negativePrompt, width: run.width, height: run.height,
            seed: try #require(UInt64(run.seed)), steps: run.steps, guidanceScale: run.guidanceScale,
            sampler: try #require(Sampler(rawValue: run.sampler)), random: .torch,
            initImage: InitImage(pixels: pixels, strength: run.strength))
    }

    private func expect(
        _ dump: TensorDump, _ name: String, _ golden: GoldenTensors, tolerance: Double,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let tensor = try #require(dump[name], "\(name) was not dumped", sourceLocation: location)
        #expect(tensor.shape == (try golden.shape(name)), "\(name)", sourceLocation: location)
        guard case .floats(let values) = tensor.values else { throw GoldenError.noValue(name: name) }
        expectClose(values, try golden.floats(name), tolerance: tolerance, name, location)
    }
}
