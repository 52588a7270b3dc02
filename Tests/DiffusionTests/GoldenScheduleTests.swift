import Diffusion
import Models
import Terms
import Testing

/// Schedules and steps against diffusers' schedulers, with random numbers in place of a network: all
/// spacings, many numbers of steps. `GoldenSamplerTests` has PNDM and DDPM. Tolerance 1e-4 (relative) after every step; 2e-3 where the noise is 4096 times the
/// picture (Euler on zero terminal SNR), since there the last bit of a float is already 5e-4 of what remains.
struct GoldenScheduleTests {
    @Test(
        "timesteps, scaling and every step are diffusers'",
        arguments: Sampler.allCases.filter { $0 != "pndm" && $0 != "ddpm" })
    func trajectories(_ sampler: Sampler) throws {
        let index = try GoldenIndex.load().schedules
        let golden = try GoldenTensors(index.file)
        let outputs = try golden.floats("outputs")
        let noise = try golden.floats("noise")
        for (number, entry) in index.entries.enumerated() where entry.sampler == sampler.rawValue {
            let name = "\(entry.configuration), \(entry.steps) steps"
            let config = try Config(file: "\(GoldenIndex.folder)/golden/\(entry.configuration)")
            let plan = try SchedulerConfiguration(config).plan(sampler, steps: entry.steps)
            expectClose(plan.timesteps, entry.timesteps.map(Float.init), tolerance: 1e-6, "timesteps of \(name)")
            guard plan.timesteps.count == entry.timesteps.count else { continue }
            expectClose([plan.initialNoiseScale], [Float(entry.initialNoiseScale)], tolerance: 1e-5, "noise of \(name)")

            let tolerance = plan.initialNoiseScale > 1000 ? 2e-3 : 1e-4
            let inputs = try golden.floats("\(number).inputs")
            let latents = try golden.floats("\(number).latents")
            let random = RandomSourceKind.torch.source(seed: try #require(UInt64(index.noiseSeed)))
            var walk = Walk(plan, noise: noise, random: random)
            for step in plan.timesteps.indices {
                let range = step * noise.count..<(step + 1) * noise.count
                walk.step { input, timestep in
                    #expect(timestep == plan.timesteps[step])
                    expectClose(input, Array(inputs[range]), tolerance: tolerance, "input \(step) of \(name)")
                    return Array(outputs[range])
                }
                expectClose(
                    walk.latents, Array(latents[range]), tolerance: tolerance, "latents after step \(step) of \(name)")
            }
            #expect(walk.isFinished)
        }
    }
}
