import Jobs
import Planner
import Testing

@Suite("Budgets")
struct BudgetTests {
    @Test(
        "The budget decides the steps, with a tenth of it in hand",
        arguments: [
            // budget, steps, meets
            (0.01, 4, false), (0.6, 4, false), (0.67, 4, true), (1.1, 4, true), (1.12, 8, true), (1.6, 12, true),
            (2.01, 16, true), (2.4, 16, true), (2.45, 20, true), (60, 20, true), (86_400, 20, true),
        ])
    func budgets(budget: Double, steps: Int, meets: Bool) throws {
        let plan = try single.plan(request(budget: budget), now: now)
        #expect(plan.variant == Variant(model: "emoji", precision: .fp32, steps: steps))
        #expect(plan.meetsBudget == meets)
        #expect(plan.budgetSeconds == budget)
    }

    @Test("A deadline leaves what there is between now and then, and the tighter limit counts")
    func deadline() throws {
        func steps(_ milliseconds: Int, budget: Double? = nil) throws -> Int {
            let job = request(budget: budget) { $0.deadline = now + .milliseconds(milliseconds) }
            return try single.plan(job, now: now).variant.steps
        }
        #expect(try steps(1600) == 12)
        #expect(try steps(1600, budget: 0.7) == 4)
        #expect(try steps(700, budget: 60) == 4)
        #expect(try steps(60_000, budget: 1.6) == 12)
        let late = try single.plan(request { $0.deadline = Timestamp(millisecondsSinceEpoch: 0) }, now: now)
        #expect(late.budgetSeconds == 0)
        #expect(late.variant.steps == 4)
        #expect(late.meetsBudget == false)
    }

    @Test("The time to load a model counts unless it is loaded")
    func loading() throws {
        var planner = Planner(
            host: host, models: [model("emoji")], costs: CostModel([costs("emoji", evaluation: 0.05, load: 1)]))
        #expect(try planner.plan(request(budget: 2.5), now: now).variant.steps == 8)
        planner.loaded = .init(modelIdentity: "emoji-1", precision: .fp32)
        #expect(try planner.plan(request(budget: 2.5), now: now).variant.steps == 20)
    }

    @Test("A measured quality counts for more than the estimate")
    func measuredQuality() throws {
        var facts = model("emoji")
        facts.measuredQuality = [.init(precision: .fp32, steps: 12, quality: 99.5)]
        facts.measuredQuality.append(.init(precision: .fp32, steps: 20, quality: 99.4))
        let planner = Planner(host: host, models: [facts], costs: CostModel([costs("emoji", evaluation: 0.05)]))
        #expect(try planner.plan(request(budget: 60), now: now).variant.steps == 12)
    }

    @Test("A model that was never measured is run with its defaults, and nothing is promised")
    func unmeasured() throws {
        let planner = Planner(host: host, models: [model("emoji")], costs: CostModel())
        let plan = try planner.plan(request(budget: 1), now: now)
        #expect(plan.variant.steps == 20)
        #expect(plan.meetsBudget == nil)
        #expect(plan.prediction == nil)
        #expect(plan.explanation.contains("not measured"))
        #expect(plan.candidates.filter { $0.verdict == .unmeasured }.count == 4)
    }

    @Test("A measured member is preferred to one that nobody knows when there is a budget")
    func partlyMeasured() throws {
        let planner = Planner(
            host: host, models: [model("emoji", precisions: [.fp32, .int8])],
            costs: CostModel([costs("emoji", .int8, evaluation: 0.05)]))
        #expect(try planner.plan(request(budget: 60), now: now).variant.precision == .int8)
        #expect(try planner.plan(request(), now: now).variant.precision == .fp32)
    }
}
