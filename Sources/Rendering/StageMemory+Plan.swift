import Diffusion
import Planner

/// What the engine planned for pictures of one size.
struct SizedPlan {
    let pixels: Int
    let unguided: MemoryPlan
    let guided: MemoryPlan
    /// The least that each stage takes in bands, where it is known.
    let least: [StageName: Int]
}

extension [StageMemory] {
    /// What the engine planned for pictures of some sizes, and what it takes to write them. All plans are of one member.
    init(_ plans: [SizedPlan]) {
        func curve(_ bytes: (SizedPlan) -> Int) -> MemoryCurve {
            MemoryCurve(plans.map { .init(pixels: $0.pixels, bytes: bytes($0)) })
        }
        guard let plan = plans.first?.guided else { preconditionFailure("A member has a plan.") }
        self = plan.stages.enumerated().map { index, stage in
            StageMemory(
                stage: stage.stage.rawValue, weightBytes: stage.weightBytes,
                residentBytes: Self.byMode { plan.weightBytes(stage, $0) },
                unguided: curve { $0.unguided.stages[index].computingBytes },
                guided: curve { $0.guided.stages[index].computingBytes },
                least: stage.canRunInBands ? curve { $0.least[stage.stage] ?? 0 } : nil)
        }
        let writing = curve { WritingMemory.bytes(pixels: $0.pixels) }
        append(
            StageMemory(
                stage: WritingMemory.stage, weightBytes: 0,
                residentBytes: Self.byMode(plan.keptWeightBytes),
                unguided: writing, guided: writing))
    }

    private static func byMode(_ bytes: (Residency) -> Int?) -> [MemoryMode: Int] {
        var modes: [MemoryMode: Int] = [:]
        for mode in MemoryMode.allCases { modes[mode] = bytes(Residency(mode)) }
        return modes
    }
}

extension [Plan.Stage] {
    /// The table of one picture, in the way that it is made.
    init(_ plan: MemoryPlan, _ residency: Residency, pixels: Int, baselineBytes: Int) {
        self = plan.stages.map { stage in
            Plan.Stage(
                stage: stage.stage.rawValue, weightBytes: stage.weightBytes,
                residentBytes: plan.weightBytes(stage, residency) ?? 0, computingBytes: stage.computingBytes,
                scratchBytes: stage.scratchBytes, baselineBytes: baselineBytes)
        }
        append(
            Plan.Stage(
                stage: WritingMemory.stage, weightBytes: 0,
                residentBytes: plan.keptWeightBytes(residency),
                computingBytes: WritingMemory.bytes(pixels: pixels), baselineBytes: baselineBytes))
    }
}

/// The last stage, which is not the engine's.
enum WritingMemory {
    static let stage = "writing"

    /// What libwebp and the pixels take, lossless, which takes the most: measured, with a colour cache of the largest size.
    static func bytes(pixels: Int) -> Int { 48 * pixels + (1 << 20) }
}

extension Residency {
    /// The engine's word for a plan's.
    init(_ mode: MemoryMode) {
        self =
            switch mode {
            case .together: .together
            case .oneStage: .oneStage
            case .streamed: .streamed
            }
    }
}

extension MemoryMode {
    /// A plan's word for the engine's.
    init(_ residency: Residency) {
        self =
            switch residency {
            case .together: .together
            case .oneStage: .oneStage
            case .streamed: .streamed
            }
    }
}
