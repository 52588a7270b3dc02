import Jobs
import Planner
import Testing

@Suite("Precisions")
struct PrecisionTests {
    @Test("A tighter budget moves to a narrower precision where that keeps more of the quality than fewer steps do")
    func precisions() throws {
        let planner = Planner(
            host: host, models: [model("emoji", precisions: [.fp32, .int8])],
            costs: CostModel([costs("emoji", evaluation: 0.05), costs("emoji", .int8, evaluation: 0.02)]))
        #expect(try planner.plan(request(), now: now).variant.precision == .fp32)
        let tight = try planner.plan(request(budget: 1.2), now: now)
        #expect(tight.variant == Variant(model: "emoji", precision: .int8, steps: 20))
        #expect(tight.explanation.contains("The next better, emoji fp32, 20 steps, would take 2.2 s."))
        #expect(tight.candidates.filter { $0.verdict == .chosen }.count == 1)
    }

    @Test("A pinned precision is the only one that is looked at")
    func pinnedPrecision() throws {
        var facts = model("emoji", precisions: [.fp32, .int8, .int4])
        facts.measuredPSNR = [.int8: 36]
        let planner = Planner(
            host: host, models: [facts],
            costs: CostModel([costs("emoji", evaluation: 0.05), costs("emoji", .int8, evaluation: 0.02)]))
        let plan = try planner.plan(request { $0.precision = .int8 }, now: now)
        #expect(plan.variant == Variant(model: "emoji", precision: .int8, steps: 20))
        #expect(plan.candidates.map(\.variant.precision) == [.int8])
        #expect(plan.candidates.map(\.psnr) == [36])
        #expect(plan.warning == nil)
        #expect(try planner.plan(request(), now: now).variant.precision == .fp32)
    }

    @Test("A pinned precision that a model does not offer names the model, the field and those that there are")
    func unavailablePrecision() throws {
        let planner = Planner(
            host: host, models: [model("emoji", precisions: [.fp32, .int8]), model("other", precisions: [.int4])],
            costs: CostModel())
        let error = PlannerError.unavailablePrecision(.bf16, model: "emoji", available: [.fp32, .int8])
        #expect(throws: error) { try planner.plan(request { $0.precision = .bf16 }, now: now) }
        #expect(error.field == "precision")
        #expect(error.description == "model \"emoji\" has no precision bf16; it has fp32, int8")
        // Another member of the family may have it.
        #expect(try planner.plan(request { $0.precision = .int4 }, now: now).variant.model == "other")
    }

    @Test(
        "A precision without instructions is a warning with what it costs, and never preferred to a faster better one")
    func slowPrecision() throws {
        var planner = Planner(
            host: host, models: [model("emoji", precisions: [.fp32, .bf16])],
            costs: CostModel([costs("emoji", evaluation: 0.05), costs("emoji", .bf16, evaluation: 0.07)]),
            slowPrecisions: [.bf16])
        for budget in [nil, 0.5, 2.45, 60.0] {
            let plan = try planner.plan(request(budget: budget), now: now)
            #expect(plan.variant.precision == .fp32)
            #expect(plan.warning == nil)
        }
        let pinned = try planner.plan(request { $0.precision = .bf16 }, now: now)
        #expect(pinned.variant.precision == .bf16)
        #expect(
            pinned.warning
                == "This CPU has no instructions for bf16, which saves memory, not time: 3 s, where fp32 takes 2.2 s.")
        #expect(pinned.explanation.hasSuffix(pinned.warning ?? "none"))
        planner.costs = CostModel()
        let unmeasured = try planner.plan(request { $0.precision = .bf16 }, now: now)
        #expect(unmeasured.warning == "This CPU has no instructions for bf16, which saves memory, not time.")
    }
}
