import Jobs
import Planner
import Rendering
import Testing

@Suite("Calibration")
struct CalibrationTests {
    private func renderer(_ directory: borrowing ModelDirectory) throws -> Renderer {
        try Renderer(
            catalog: directory.catalog, options: .init(threads: 1, memoryLimit: { 4 << 30 }, version: "0"))
    }

    @Test("A calibrated model has costs at every size, and a plan with a prediction")
    func calibrated() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        try directory.write(tinyManifest, to: "tiny/latentd.json")
        let renderer = try renderer(directory)
        let model = try #require(renderer.catalog["tiny"])
        var signs = 0
        let members = try renderer.calibrate(model) { _ in signs += 1 }
        #expect(signs > 0)
        #expect(members.map(\.precision) == [.fp32, .int8])
        let member = try #require(members.first)
        #expect(renderer.costs[model.facts.identity, .fp32] == member)
        #expect(try #require(member.times[.together]).evaluation(pixels: 64 * 64) > 0)
        func peak(_ side: Int, _ evaluationsPerStep: Int = 2) throws -> Int {
            let peaks = member.memory.peaks(pixels: side * side, evaluationsPerStep: evaluationsPerStep)
            // Without a cache folder no weights are mapped, and none can be streamed.
            #expect(Set(peaks.keys) == [.together, .oneStage])
            return try #require(peaks[.together])
        }
        #expect(try peak(128) > peak(16))
        #expect(try peak(128) >= peak(128, 1))

        var request = JobRequest(prompt: "a cat")
        request.latencyBudget = .seconds(3600)
        let plan = try renderer.plan(request, now: now)
        #expect(plan.meetsBudget == true)
        #expect(plan.variant.steps == 8)
        #expect(plan.peakBytes ?? 0 > 0)
        request.latencyBudget = .milliseconds(1)
        let hopeless = try renderer.plan(request, now: now)
        #expect(hopeless.meetsBudget == false)
        #expect(hopeless.variant.steps == 2)
    }

    @Test("The memory that the curve says is what the dry run of the job says")
    func memoryAgrees() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        try directory.write(tinyManifest, to: "tiny/latentd.json")
        let renderer = try renderer(directory)
        let model = try #require(renderer.catalog["tiny"])
        _ = try renderer.calibrate(model)
        var request = JobRequest(prompt: "a cat")
        request.steps = 2
        request.precision = .fp32
        let plan = try renderer.plan(request, now: now)
        let record = try renderer.render(request, seed: 1, plan: plan).record
        #expect(plan.memoryMode == .together)
        #expect(plan.stages == record.memory.stages.map(\.planned))
        #expect(plan.peakBytes == record.memory.plannedBytes)
    }

    @Test("A job without a time limit calibrates nothing, one with a limit its candidates, once")
    func ifNeeded() throws {
        let directory = try ModelDirectory(["tiny": "tiny", "other": "lcm"])
        try directory.write(tinyManifest, to: "tiny/latentd.json")
        let renderer = try renderer(directory)
        try renderer.calibrateIfNeeded(for: JobRequest(prompt: "a cat"), now: now)
        #expect(renderer.costs.members.isEmpty)
        var request = JobRequest(prompt: "a cat")
        request.latencyBudget = .seconds(10)
        try renderer.calibrateIfNeeded(for: request, now: now)
        #expect(Set(renderer.costs.members.map(\.modelIdentity)) == [renderer.catalog["tiny"]?.facts.identity])
        // A budget that fp32 keeps asks for no other precision, one that it does not for all that may.
        #expect(renderer.costs.members.map(\.precision) == [.fp32])
        let known = renderer.costs
        try renderer.calibrateIfNeeded(for: request, now: now)
        #expect(renderer.costs == known)
        request.latencyBudget = .microseconds(1)
        try renderer.calibrateIfNeeded(for: request, now: now)
        #expect(renderer.costs.members.map(\.precision) == [.fp32, .int8])
    }

    @Test("A job that pins a precision has that one measured and no other")
    func pinned() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        let renderer = try renderer(directory)
        var request = JobRequest(prompt: "a cat")
        request.latencyBudget = .seconds(100)
        request.precision = .int8
        try renderer.calibrateIfNeeded(for: request, now: now)
        #expect(renderer.costs.members.map(\.precision) == [.int8])
        #expect(try renderer.plan(request, now: now).variant.precision == .int8)
    }

    @Test("A precision that the memory limit does not allow is left out, and said when it is the only one")
    func tooLarge() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        let facts = try #require(directory.catalog["tiny"]).facts
        let (wide, narrow) = (try #require(facts.weightBytes[.fp32]), try #require(facts.weightBytes[.int8]))
        #expect(narrow < wide)
        let renderer = try Renderer(
            catalog: directory.catalog, options: .init(threads: 1, memoryLimit: { 1 << 20 }, version: "0"))
        let model = try #require(renderer.catalog["tiny"])
        let error = #expect(throws: RenderingError.self) { try renderer.calibrate(model) }
        #expect(error?.code == "memory_limit")
        // The planner knows it without a measurement.
        var request = JobRequest(prompt: "a cat")
        request.latencyBudget = .seconds(100)
        try renderer.calibrateIfNeeded(for: request, now: now)
        #expect(renderer.costs.members.isEmpty)
    }

    @Test("A first job is a first measurement")
    func firstJob() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        try directory.write(tinyManifest, to: "tiny/latentd.json")
        let renderer = try renderer(directory)
        let request = JobRequest(prompt: "a cat")
        let rendered = try renderer.render(request, seed: 1, plan: try renderer.plan(request, now: now))
        #expect(rendered.costs == renderer.costs.members.first)
        let plan = try renderer.plan(request, now: now)
        #expect(plan.prediction?.loadSeconds == 0)
        #expect(plan.prediction?.denoiseSeconds ?? 0 > 0)
        #expect(plan.peakBytes == rendered.record.memory.plannedBytes)
    }
}
