import Foundation
import Jobs
import Planner
import Rendering
import Terms
import Testing

@Suite("Samplers of models")
struct SamplerTests {
    private func renderer(_ directory: borrowing ModelDirectory) throws -> Renderer {
        try Renderer(
            catalog: directory.catalog, options: .init(threads: 1, memoryLimit: { 4 << 30 }, version: "0"))
    }

    private func directory(_ scheduler: String, of fixture: String = "sd1") throws -> ModelDirectory {
        let directory = try ModelDirectory(["model": fixture])
        let index = try String(contentsOfFile: "\(directory.path)/model/model_index.json", encoding: .utf8)
        try directory.write(
            index.replacingOccurrences(of: "PNDMScheduler", with: scheduler), to: "model/model_index.json")
        return directory
    }

    private func job(_ sampler: Sampler?) -> JobRequest {
        var job = JobRequest(prompt: "a red apple")
        (job.width, job.height, job.steps, job.sampler) = (40, 40, 3, sampler)
        return job
    }

    @Test(
        "A model whose scheduler latentd lacks is listed, planned and drawn with a named sampler, and refused without one"
    )
    func foreign() throws {
        let directory = try directory("SASolverScheduler")
        let renderer = try renderer(directory)
        let model = try #require(renderer.catalog["model"])
        #expect(model.facts.defaults.sampler == nil)
        let error = #expect(throws: RenderingError.self) { try renderer.plan(job(nil), now: now) }
        #expect(error?.field == "sampler" && error?.code == "invalid_sampler" && error?.isTransient == false)
        let text = try #require(error?.description)
        for mention in ["model_index.json", "scheduler", "SASolverScheduler", "dpm++2m", "\"sampler\""] {
            #expect(text.contains(mention), "\(text)")
        }
        #expect(try renderer.calibrate(model).first?.times.isEmpty == false)
        let record = try renderer.render(job("dpm++2m")).record
        #expect(record.plan.sampler == "dpm++2m" && record.job.sampler == "dpm++2m")
        #expect(record.timings.stepSeconds.count == 3)
        // A job that has a limit on time, and could not be run, is not measured for.
        var hurried = job(nil)
        hurried.latencyBudget = .seconds(60)
        try renderer.calibrateIfNeeded(for: hurried, now: now)
        #expect(throws: RenderingError.self) { try renderer.plan(hurried, now: now) }
    }

    @Test("A manifest may name the sampler that the scheduler's file does not")
    func manifest() throws {
        let directory = try directory("KDPM2DiscreteScheduler")
        try directory.write(#"{"format": 1, "default": {"sampler": "euler"}}"#, to: "model/latentd.json")
        #expect(try renderer(directory).plan(job(nil), now: now).sampler == "euler")
    }

    @Test("A model that no sampler fits is a problem that says so")
    func otherNoise() throws {
        let directory = try directory("EDMEulerScheduler")
        let file = #"{"_class_name": "EDMEulerScheduler", "sigma_data": 0.5, "num_train_timesteps": 1000}"#
        try directory.write(file, to: "model/scheduler/scheduler_config.json")
        let catalog = directory.catalog
        #expect(catalog.models.isEmpty)
        #expect(catalog.problems.first?.error.description.contains("EDMEulerScheduler") == true)
        // Pinned, and as the only one that there is.
        for name in ["model", nil] {
            var job = job("ddim")
            job.model = name
            let error = #expect(throws: RenderingError.self) { try renderer(directory).plan(job, now: now) }
            #expect(error?.code == "model_unusable" && error?.description.contains("EDMEulerScheduler") == true)
        }
    }

    @Test("A sampler that the file does not go with is refused before anything runs, with those that do")
    func unsuitable() throws {
        let directory = try ModelDirectory(["model": "sd1"])
        let path = "\(directory.path)/model/scheduler/scheduler_config.json"
        let file = try String(contentsOfFile: path, encoding: .utf8)
        try directory.write(
            file.replacingOccurrences(of: "{", with: #"{"algorithm_type": "sde-dpmsolver++","#),
            to: "model/scheduler/scheduler_config.json")
        let renderer = try renderer(directory)
        #expect(
            throws: PlannerError.unsuitableSampler(
                "dpm++2m", model: "model",
                available: ["ddim", "euler", "euler-a", "lcm", "pndm", "ddpm", "unipc", "heun", "lms", "tcd"])
        ) { try renderer.planner.plan(job("dpm++2m"), now: now) }
        #expect(try renderer.plan(job(nil), now: now).sampler == "pndm")
    }

    @Test("A stock folder runs PNDM, and progress, times and predictions count an evaluation more than steps")
    func stock() throws {
        let directory = try ModelDirectory(["model": "sd1"])
        let renderer = try renderer(directory)
        _ = try renderer.calibrate(try #require(renderer.catalog["model"]))
        let plan = try renderer.plan(job(nil), now: now)
        #expect(plan.sampler == "pndm" && plan.variant.steps == 3)
        let euler = try renderer.plan(job("euler"), now: now)
        let ratio = (plan.prediction?.denoiseSeconds ?? 0) / (euler.prediction?.denoiseSeconds ?? 1)
        #expect(abs(ratio - 4.0 / 3) < 1e-9)
        var seen: [String] = []
        let rendered = try renderer.render(job(nil), seed: 1, plan: plan) { progress in
            let step = "\(progress.step)/\(progress.steps)"
            if seen.last != step { seen.append(step) }
        }
        #expect(seen == ["0/4", "1/4", "2/4", "3/4", "4/4"])
        #expect(rendered.record.timings.stepSeconds.count == 4 && rendered.record.job.steps == 3)
    }
}
