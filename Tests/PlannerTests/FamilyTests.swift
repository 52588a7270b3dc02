import Jobs
import Planner
import Testing

@Suite("Families")
struct FamilyTests {
    @Test("Of a group a job gets the best member that keeps its budget and the memory, by figures in one unit")
    func group() throws {
        func member(_ name: String, steps: Int, _ measured: [(Precision, Int, Double)]) -> ModelFacts {
            var facts = model(name, precisions: [.fp32, .int8])
            facts.defaults.steps = steps
            facts.steps = [4, 8, 20].filter { $0 <= steps }
            facts.measuredQuality = measured.map { .init(precision: $0.0, steps: $0.1, quality: $0.2) }
            facts.quality = measured.first?.2 ?? 0
            return facts
        }
        let members = [
            member("emoji", steps: 20, [(.fp32, 20, 88), (.int8, 20, 87), (.fp32, 8, 80)]),
            member("emoji-small", steps: 20, [(.fp32, 20, 84), (.int8, 20, 83.5)]),
            member("emoji-tiny", steps: 4, [(.fp32, 4, 74), (.int8, 4, 73)]),
        ]
        let measured = zip(members, [0.08, 0.03, 0.01]).flatMap { facts, seconds in
            let megabytes = Int(seconds * 5000)
            return [
                costs(facts.name, evaluation: seconds, peak: megabytes * megabyte),
                costs(facts.name, .int8, evaluation: seconds / 2, peak: megabytes / 2 * megabyte),
            ]
        }
        func choice(_ budget: Double?, megabytes: Int = 1000) throws -> String {
            let planner = Planner(
                host: host, models: members, costs: CostModel(measured), memoryLimitBytes: megabytes * megabyte)
            return try planner.plan(request(budget: budget), now: now).variant.description
        }
        #expect(try choice(nil) == "emoji fp32, 20 steps")
        #expect(try choice(3) == "emoji int8, 20 steps")
        #expect(try choice(1.7) == "emoji-small fp32, 20 steps")
        #expect(try choice(1) == "emoji-small int8, 20 steps")
        #expect(try choice(0.8) == "emoji-tiny fp32, 4 steps")
        #expect(try choice(0.3) == "emoji-tiny int8, 4 steps")
        #expect(try choice(0.01) == "emoji-tiny int8, 4 steps")
        #expect(try choice(nil, megabytes: 300) == "emoji int8, 20 steps")
        #expect(try choice(nil, megabytes: 160) == "emoji-small fp32, 20 steps")
        #expect(try choice(nil, megabytes: 60) == "emoji-tiny fp32, 4 steps")
        // A measured figure speaks for the other precisions at its steps: they are not better than what is wider.
        #expect(abs(members[0].quality(.int8, steps: 8) - 78.4) < 1e-9)
    }

    @Test("A budget moves to a lighter model of the same group, never to another group")
    func families() throws {
        let planner = Planner(
            host: host, models: [model("base"), model("tiny", quality: 80), model("photo", group: "photo")],
            costs: CostModel([
                costs("base", evaluation: 1), costs("tiny", evaluation: 0.02), costs("photo", evaluation: 0.001),
            ]))
        #expect(try planner.plan(request(), now: now).variant.model == "base")
        #expect(try planner.plan(request(budget: 3), now: now).variant.model == "tiny")
        #expect(try planner.plan(request(budget: 0.1), now: now).variant.model == "tiny")
        #expect(try planner.plan(request(budget: 3) { $0.model = "base" }, now: now).variant.model == "base")
        #expect(try planner.plan(request { $0.model = "photo" }, now: now).variant.model == "photo")
    }

    @Test(
        "A model with distilled guidance takes one evaluation a step and no scale above 1, and leaves such jobs to its group"
    )
    func distilled() throws {
        var fast = model("emoji-fast", guidance: .distilled)
        fast.defaults.guidanceScale = 1
        let costs = CostModel([costs("emoji", evaluation: 0.05), costs("emoji-fast", evaluation: 0.05)])
        let planner = Planner(host: host, models: [model("emoji", quality: 90), fast], costs: costs)
        let plan = try planner.plan(request(), now: now)
        #expect(plan.variant.model == "emoji-fast" && plan.guidanceScale == 1)
        #expect(abs((plan.prediction?.denoiseSeconds ?? 0) - 1) < 1e-9 && plan.peakBytes == 50 * megabyte)

        let guided = try planner.plan(request { $0.guidanceScale = 7 }, now: now)
        #expect(guided.variant.model == "emoji" && guided.guidanceScale == 7)
        #expect(guided.explanation.contains("Not considered: guidance_scale 7.0 does not suit model \"emoji-fast\""))
        #expect(throws: PlannerError.unsuitableGuidance(7, model: "emoji-fast")) {
            try planner.plan(
                request {
                    $0.guidanceScale = 7
                    $0.model = "emoji-fast"
                }, now: now)
        }
        let unguided = request {
            $0.guidanceScale = 0
            $0.model = "emoji-fast"
        }
        #expect(try planner.plan(unguided, now: now).guidanceScale == 0)
    }
}
