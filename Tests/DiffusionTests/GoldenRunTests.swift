import Diffusion
import Models
import Terms
import Testing

/// Whole pictures against diffusers' pipeline, with torch's random numbers: every sampler, every kind of model.
///
/// Tolerances (relative, of the largest value and of the norm): embeddings 1e-4, latents and decoded image 1e-3, and at
/// most 1/255 in 99.9 % of the picture's samples.
@Suite(.serialized)
struct GoldenRunTests {
    @Test(
        "a run gives diffusers' latents and picture",
        arguments: (GoldenIndex.shared?.runs ?? []) + (GoldenSamplers.shared?.runs ?? [])
            + (GoldenIndex.Families.shared?.runs ?? []))
    func run(_ run: GoldenIndex.Run) throws {
        let golden = try GoldenTensors(run.file)
        let pipeline = try Pipeline(folder: ModelFolder(path: GoldenIndex.model(run.model)), threads: 2)
        var dump: TensorDump? = TensorDump()
        let generation = try pipeline.generate(settings(run), observer: { _ in }, dump: &dump)
        let tensors = try #require(dump)

        #expect(Set(tensors.tensors.map(\.name)) == Set(golden.names))
        for name in ["input_ids", "input_ids_2"] where golden.names.contains(name) {
            #expect(tensors[name]?.values == .integers(try golden.integers(name)))
        }
        // torch's own vector math differs from ours by a few units in the last place.
        try expect(tensors, "noise", golden, tolerance: 1e-6)
        for name in ["text_embeddings", "pooled_embeddings", "time_ids"] where golden.names.contains(name) {
            try expect(tensors, name, golden, tolerance: 1e-4)
        }
        for step in 1...(run.runningSteps ?? run.steps) {
            try expect(tensors, "latents.\(step)", golden, tolerance: 1e-3)
        }
        try expect(tensors, "image", golden, tolerance: 1e-3)
        try expectPicture(generation.image, golden)
    }

    @Test("the same settings give the same bytes, on any number of threads")
    func repetition() throws {
        let run = try #require(GoldenIndex.shared?.runs.first)
        let folder = try ModelFolder(path: GoldenIndex.model(run.model))
        let first = try Pipeline(folder: folder, threads: 1)
        let image = try first.generate(settings(run)).image
        #expect(try first.generate(settings(run)).image == image)
        for threads in [2, 3] {
            #expect(try Pipeline(folder: folder, threads: threads).generate(settings(run)).image == image)
        }
    }

    @Test(
        "the peak found by the dry run is the peak of the run, whatever stays resident", arguments: Residency.allCases)
    func memoryPlan(_ residency: Residency) throws {
        let runs = (GoldenIndex.shared?.runs ?? []) + (GoldenIndex.Families.shared?.runs ?? [])
        for run in runs where run.steps < 4 {
            let folder = try ModelFolder(path: GoldenIndex.model(run.model))
            let pipeline = try Pipeline(folder: folder, threads: 2, residency: residency)
            let plan = try pipeline.memoryPlan(settings(run))
            let generation = try pipeline.generate(settings(run))
            #expect(generation.activationPeakBytes == plan.stages.map(\.activationBytes).max(), "\(run)")
        }
    }

    private func settings(_ run: GoldenIndex.Run) throws -> GenerationSettings {
        GenerationSettings(
            prompt: run.prompt, negativePrompt: run.negativePrompt, width: run.width, height: run.height,
            seed: try #require(UInt64(run.seed)), steps: run.steps, guidanceScale: run.guidanceScale,
            sampler: try #require(Sampler(rawValue: run.sampler)), random: .torch, clipSkip: run.clipSkip)
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

    private func expectPicture(_ picture: PixelBuffer, _ golden: GoldenTensors) throws {
        let shape = try golden.shape("image")
        #expect([picture.height, picture.width] == [shape[2], shape[3]])
        let reference = try golden.channelsLast("image").map { Int((min(max($0 / 2 + 0.5, 0), 1) * 255).rounded()) }
        let far = zip(picture.bytes, reference).count { abs(Int($0) - $1) > 1 }
        #expect(Double(far) <= 0.001 * Double(reference.count), "\(far) of \(reference.count) samples are off")
    }
}
