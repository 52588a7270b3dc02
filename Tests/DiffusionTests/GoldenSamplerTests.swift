import Diffusion
import Models
import Terms
import Testing

/// Scheduler files of many classes and kinds against diffusers: what `StableDiffusionPipeline` makes of the folder, and `from_config`
/// of that for the sampler of a job. Tolerance 5e-4 (relative) after the last step, 5e-3 where the noise is 4096 times the picture.
struct GoldenSamplerTests {
    @Test("Samplers walk as diffusers' schedulers, over all spacings, predictions, and both ways to begin")
    func schedules() throws {
        let walks = try GoldenSamplers.load().schedules
        #expect(
            walks.count > 150
                && Set(walks.compactMap(\.sampler)).isSuperset(of: [
                    "pndm", "ddpm", "unipc", "deis", "heun", "lms", "tcd",
                ]))
        for walk in walks {
            try expect(walk, alone(walk), #require(Sampler(rawValue: walk.sampler ?? "")))
        }
    }

    @Test(
        "random files under random classes give diffusers' walks with every sampler, or none where diffusers has none")
    func combinations() throws {
        let walks = try GoldenSamplers.load().combinations
        #expect(walks.count { $0.error == nil } >= 200)
        var defaults = 0
        for walk in walks {
            let schedulers = try SchedulerFolder.configuration(index: walk.index, file: walk.file.members)
            if let name = walk.sampler {
                try expect(walk, schedulers, #require(Sampler(rawValue: name)))
            } else if walk.error != nil {
                #expect(throws: (any Error).self, "\(walk)") {
                    try schedulers.plan(
                        schedulers.defaultSampler(), steps: walk.steps, strength: walk.strength ?? 1)
                }
            } else {
                defaults += 1
                try expect(walk, schedulers, schedulers.defaultSampler())
            }
        }
        #expect(defaults > 20)
    }

    /// The file without a pipeline around it, which would repair it.
    private func alone(_ walk: GoldenSamplers.Walk) throws -> SchedulerConfiguration {
        SchedulerConfiguration(
            try SchedulerFolder.with(index: nil, file: walk.file.members) { folder in
                try folder.config("scheduler", "scheduler_config.json")
            })
    }

    private func expect(
        _ walk: GoldenSamplers.Walk, _ schedulers: SchedulerConfiguration, _ sampler: Sampler
    ) throws {
        guard walk.error == nil, let timesteps = walk.timesteps, let latents = walk.latents else {
            // diffusers loses its way where Karras' levels begin on one timestep twice, and does not know its own DEIS' word.
            let isOfDEIS = walk.file.members["algorithm_type"] as? String == "deis"
            guard walk.error != "IndexError", !isOfDEIS else { return }
            #expect(throws: (any Error).self, "\(walk)") {
                _ = try schedulers.plan(sampler, steps: walk.steps, strength: walk.strength ?? 1)
            }
            return
        }
        let plan = try schedulers.plan(sampler, steps: walk.steps, strength: walk.strength ?? 1)
        expectClose(plan.timesteps, timesteps, tolerance: 1e-6, "timesteps of \(walk)")
        guard plan.timesteps.count == timesteps.count else { return }
        expectClose([plan.initialNoiseScale], [walk.noiseScale ?? 0], tolerance: 1e-5, "noise of \(walk)")

        var start = RandomSourceKind.torch.source(seed: GoldenSamplers.seed)
        let noise = start.normals(16), picture = start.normals(16)
        let draws = RandomSourceKind.torch.source(seed: GoldenSamplers.seed + 1)
        var mine = Walk(plan, noise: noise, over: walk.strength == nil ? nil : picture, random: draws)
        var sizes = 0.0
        while !mine.isFinished {
            mine.step(GoldenSamplers.answer)
            sizes += Double(mine.latents.reduce(0) { $0 + abs($1) } / 16)
        }
        let tolerance = plan.initialNoiseScale > 1000 ? 5e-3 : 5e-4
        expectClose(mine.latents, latents, tolerance: tolerance, "latents of \(walk)")
        expectClose([Float(sizes)], [Float(walk.sizes ?? 0)], tolerance: tolerance, "sizes of \(walk)")
    }
}
