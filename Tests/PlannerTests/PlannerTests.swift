import Jobs
import Planner
import Testing

@Suite("Planner")
struct PlannerTests {
    @Test("Without a budget a job gets the model's defaults")
    func noBudget() throws {
        let plan = try single.plan(request(), now: now)
        #expect(plan.variant.steps == 20)
        #expect(plan.meetsBudget == nil)
        #expect((plan.width, plan.height) == (128, 128))
        #expect(plan.guidanceScale == 5)
        #expect(plan.sampler == "ddim")
        #expect(abs((plan.prediction?.totalSeconds ?? 0) - 2.2) < 1e-9)
        #expect(
            plan.explanation
                == "emoji fp32, 20 steps, predicted to take 2.2 s: the best there is, since the job sets no limit on time."
        )
    }

    @Test("What a job pins is never overridden")
    func pinned() throws {
        let pinned = request(budget: 0.5) {
            $0.steps = 30
            $0.sampler = "euler-a"
            $0.guidanceScale = 1
            $0.width = 256
            $0.height = 64
        }
        let plan = try single.plan(pinned, now: now)
        #expect(plan.variant.steps == 30)
        #expect(plan.sampler == "euler-a")
        #expect(plan.guidanceScale == 1)
        #expect((plan.width, plan.height) == (256, 64))
        #expect(plan.meetsBudget == false)
        #expect(plan.explanation.contains("cannot be kept"))
        #expect(plan.candidates.count == 1)
    }

    @Test("A step count that no manifest lists can be pinned")
    func unlistedSteps() throws {
        #expect(try single.plan(request { $0.steps = 7 }, now: now).variant.steps == 7)
    }

    @Test("Guidance that is off, or that the model embeds, halves the evaluations")
    func guidance() throws {
        let off = try single.plan(request { $0.guidanceScale = 1 }, now: now)
        #expect(abs((off.prediction?.denoiseSeconds ?? 0) - 1) < 1e-9)
        #expect(off.peakBytes == 50 * megabyte)
        let embedding = Planner(
            host: host, models: [model("emoji", guidance: .embedded)],
            costs: CostModel([costs("emoji", evaluation: 0.05)]))
        #expect(abs((try embedding.plan(request(), now: now).prediction?.denoiseSeconds ?? 0) - 1) < 1e-9)
    }

    @Test("A job that begins with a picture pays for the steps that are taken and for the picture, and gets its size")
    func initImage() throws {
        func plan(_ strength: Double?, _ change: (inout JobRequest) -> Void = { _ in }) throws -> Plan {
            let request = request {
                $0.initImage = "images/cat.png"
                $0.strength = strength
                change(&$0)
            }
            return try single.plan(request, initImage: (300, 30), now: now)
        }
        let whole = try plan(nil)
        #expect((whole.width, whole.height) == (296, 64) && whole.variant.steps == 20)
        // Of 20 steps 16; as long for the picture as the decoder takes.
        let scale = Double(296 * 64) / (128 * 128)
        #expect(abs((whole.prediction?.denoiseSeconds ?? 0) - 1.6 * scale) < 1e-9)
        #expect(whole.prediction?.initImageSeconds == whole.prediction?.decodeSeconds)
        let lcm = try plan(0.3) { $0.sampler = "lcm" }
        #expect(abs((lcm.prediction?.denoiseSeconds ?? 0) - 2 * scale) < 1e-9)
        #expect(try plan(0.5) { $0.width = 128 }.width == 128)
        #expect(throws: PlannerError.noSteps(strength: 0.2, steps: 4)) { try plan(0.2) { $0.steps = 4 } }
        // Counts of which no step would be taken are no candidates.
        let budget = try plan(0.1) { $0.latencyBudget = .seconds(60) }
        #expect(budget.candidates.map(\.variant.steps).min() == 12)
    }

    @Test("A missing model is named, with those that there are")
    func missingModel() {
        let error = PlannerError.unknownModel("cat", available: ["emoji"])
        #expect(throws: error) { try single.plan(request { $0.model = "cat" }, now: now) }
        #expect(error.field == "model")
        #expect(error.description == "model \"cat\" is not installed; there is emoji")
        let empty = Planner(host: host, models: [], costs: CostModel())
        #expect(throws: PlannerError.noModels) { try empty.plan(request(), now: now) }
    }

    @Test("A size that the model cannot draw names the field", arguments: [0, 1, 56, 100, 129, 520, 1 << 31, 1 << 62])
    func sizes(side: Int) {
        for field in ["width", "height"] {
            let error = PlannerError.unsuitableSize(
                field: field, value: side, model: "emoji", rule: .init(minimum: 64, maximum: 512, multiple: 8))
            #expect(throws: error) {
                try single.plan(request { if field == "width" { $0.width = side } else { $0.height = side } }, now: now)
            }
            #expect(error.field == field)
        }
    }

    @Test("A plan survives JSON")
    func codable() throws {
        let plan = try single.plan(request(budget: 1), now: now)
        #expect(try roundTrip(plan) == plan)
    }
}
