import Foundation
import Planner
import Testing

@Suite("Costs")
struct CostTests {
    @Test(
        "A curve goes through both of its measurements",
        arguments: [
            ((100, 1.0), (400, 4.0)), ((100, 1.0), (400, 2.5)), ((100, 1.0), (400, 8.0)), ((400, 8.0), (100, 1.0)),
        ])
    func through(one: (Int, Double), other: (Int, Double)) {
        let curve = CostCurve((pixels: one.0, cost: one.1), (pixels: other.0, cost: other.1))
        #expect(abs(curve(pixels: one.0) - one.1) < 1e-9)
        #expect(abs(curve(pixels: other.0) - other.1) < 1e-9)
        #expect(curve.constant >= 0 && curve.linear >= 0 && curve.quadratic >= 0)
    }

    @Test("A cost that rises with the square is followed beyond the measurements")
    func quadratic() {
        let curve = CostCurve((pixels: 10, cost: 10 + 100), (pixels: 20, cost: 20 + 400))
        #expect(abs(curve(pixels: 40) - (40 + 1600)) < 1e-9)
    }

    @Test("Noise never makes a cost fall, vanish or turn negative")
    func noise() {
        for small in [0, 0.5, 1, 2, 100] {
            for large in [0, 0.5, 1, 2, 100] {
                let curve = CostCurve((pixels: 64, cost: small), (pixels: 256, cost: large))
                let values = [0, 1, 64, 256, 1 << 20].map { curve(pixels: $0) }
                #expect(values == values.sorted())
                #expect(values.allSatisfy { $0 >= 0 && $0.isFinite })
                #expect(curve(pixels: 256) >= large - 1e-9)
            }
        }
        #expect(CostCurve((pixels: 5, cost: 1), (pixels: 5, cost: 3))(pixels: 5) == 3)
    }

    @Test("Observations move a curve towards them, at every size")
    func refinement() {
        var curve = CostCurve(pixels: 100, cost: 1)
        for _ in 0..<40 { curve.refine(pixels: 200, observed: 4, weight: 0.25) }
        #expect(abs(curve(pixels: 200) - 4) < 1e-4)
        #expect(abs(curve(pixels: 100) - 2) < 1e-4)
        curve.refine(pixels: 200, observed: 0, weight: 0.25)
        #expect(abs(curve(pixels: 200) - 4) < 1e-4)
    }

    @Test("Memory lies on straight lines between dry runs, flat below and straight on above")
    func memory() {
        let curve = MemoryCurve([
            .init(pixels: 300, bytes: 900), .init(pixels: 100, bytes: 500), .init(pixels: 200, bytes: 600),
        ])
        let expected = [(1, 500), (100, 500), (150, 550), (200, 600), (250, 750), (300, 900), (400, 1200)]
        for (pixels, bytes) in expected { #expect(curve(pixels: pixels) == bytes) }
        let single = MemoryCurve([.init(pixels: 100, bytes: 700)])
        for (pixels, bytes) in [(1, 7), (50, 350), (100, 700), (1 << 40, 700)] {
            #expect(single(pixels: pixels) == bytes)
        }
    }

    private let member = MemberCosts(
        modelIdentity: "m", precision: .fp32, loadSeconds: 1,
        times: [
            .together: StageTimes(
                textSeconds: 0.5, evaluation: CostCurve(pixels: 10, cost: 0.1),
                decode: CostCurve(pixels: 10, cost: 0.2), encode: CostCurve(pixels: 10, cost: 0.3))
        ],
        memory: [
            StageMemory(
                stage: "unet", weightBytes: 3, residentBytes: [.together: 3, .streamed: 1],
                unguided: MemoryCurve([.init(pixels: 10, bytes: 1)]), guided: MemoryCurve([.init(pixels: 10, bytes: 2)])
            )
        ])

    @Test("Every job moves the prediction of the next one towards what it took")
    func learning() {
        var member = member
        let observed = Prediction(
            loadSeconds: 0, textSeconds: 1, denoiseSeconds: 8, decodeSeconds: 0.4, encodeSeconds: 0.6)
        var last = Double.infinity
        for _ in 0..<30 {
            member.refine(.together, observed: observed, pixels: 10, evaluations: 40)
            let predicted = member.prediction(
                .together, pixels: 10, steps: 20, evaluationsPerStep: 2, isLoaded: true)
            let distance = abs((predicted?.totalSeconds ?? 0) - observed.totalSeconds)
            #expect(distance < last)
            last = distance
        }
        #expect(last < 0.01)
        #expect(member.loadSeconds == 1)
    }

    @Test("A picture with streamed weights teaches the times of such pictures, and no others")
    func learningModes() throws {
        func seconds(_ member: MemberCosts, _ mode: MemoryMode, pixels: Int = 10) -> Double? {
            member.prediction(mode, pixels: pixels, steps: 20, evaluationsPerStep: 2, isLoaded: true)?.totalSeconds
        }
        var member = member
        let together = try #require(seconds(member, .together))
        #expect(seconds(member, .oneStage) == together)
        let assumed = (together - 0.3) * MemberCosts.streamingFactor + 0.3
        #expect(abs((seconds(member, .streamed) ?? 0) - assumed) < 1e-9)
        let observed = Prediction(
            loadSeconds: 0, textSeconds: 2, denoiseSeconds: 40, decodeSeconds: 1, encodeSeconds: 0.3)
        member.refine(.streamed, observed: observed, pixels: 10, evaluations: 40)
        let streamed = try #require(seconds(member, .streamed))
        #expect(abs(streamed - observed.totalSeconds) < 1e-9)
        #expect(seconds(member, .together) == together && seconds(member, .oneStage) == together)
        #expect(seconds(member, .streamed, pixels: 20) ?? 0 > streamed)
        // Nothing faster is known: no less is promised.
        var alone = MemberCosts(modelIdentity: "n", precision: .fp32, loadSeconds: 0, memory: [])
        #expect(seconds(alone, .together) == nil)
        alone.refine(.streamed, observed: observed, pixels: 10, evaluations: 40)
        for mode in MemoryMode.allCases { #expect(seconds(alone, mode) == observed.totalSeconds) }
    }

    @Test("A cost model keeps one entry a member, and survives JSON")
    func model() throws {
        var faster = member
        faster.loadSeconds = 0.1
        var int8 = member
        int8.precision = .int8
        let costs = CostModel([member, int8, faster])
        #expect(costs.members.count == 2)
        #expect(costs["m", .fp32] == faster)
        #expect(costs["m", .int8] == int8)
        #expect(costs["n", .fp32] == nil)
        #expect(try roundTrip(costs) == costs)
        let json = String(decoding: try JSONEncoder().encode(member.memory), as: UTF8.self)
        #expect(json.contains("\"streamed\":1"))
    }
}
