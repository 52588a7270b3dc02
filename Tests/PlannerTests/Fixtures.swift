import Foundation
import Jobs
import Planner

let megabyte = 1 << 20
let now = Timestamp(millisecondsSinceEpoch: 1_000_000)

let host = HostProfile(
    cpuModel: "Test CPU", architecture: "x86_64", features: [], isa: "avx2", blasCore: "Haswell", cores: 2,
    cpuQuota: nil, memoryBytes: 1000 * megabyte, cgroupMemoryBytes: nil)

func model(
    _ name: String, group: String = "emoji", quality: Double = 100, precisions: [Precision] = [.fp32],
    guidance: ModelFacts.Guidance = .classifierFree
) -> ModelFacts {
    ModelFacts(
        name: name, family: "stable-diffusion", group: group, identity: "\(name)-1",
        defaults: .init(width: 128, height: 128, steps: 20, guidanceScale: 5, sampler: "ddim"),
        steps: [4, 8, 12, 16, 20, 30], precisions: precisions, sizes: .init(minimum: 64, maximum: 512, multiple: 8),
        guidance: guidance, quality: quality)
}

/// 0.1 s for the text, `evaluation` seconds for an evaluation at 128 x 128, 0.1 s for the picture; memory as given.
func costs(
    _ name: String, _ precision: Precision = .fp32, evaluation: Double, peak: Int = 100 * megabyte, load: Double = 0
) -> MemberCosts {
    let pixels = 128 * 128
    return MemberCosts(
        modelIdentity: "\(name)-1", precision: precision, loadSeconds: load,
        times: [
            .together: StageTimes(
                textSeconds: 0.1, evaluation: CostCurve(pixels: pixels, cost: evaluation),
                decode: CostCurve(pixels: pixels, cost: 0.08), encode: CostCurve(pixels: pixels, cost: 0.02))
        ],
        memory: [
            StageMemory(
                stage: "unet", weightBytes: 0, residentBytes: [.together: 0],
                unguided: MemoryCurve([.init(pixels: pixels, bytes: peak / 2)]),
                guided: MemoryCurve([.init(pixels: pixels, bytes: peak)]))
        ])
}

func request(budget: Double? = nil, _ change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
    var request = JobRequest(prompt: "a cat")
    request.latencyBudget = budget.map { .seconds($0) }
    change(&request)
    return request
}

/// One model, 0.1 s a step: n steps take 0.2 + 0.1 n seconds.
let single = Planner(
    host: host, models: [model("emoji")], costs: CostModel([costs("emoji", evaluation: 0.05)]))

func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
    try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
}
