/// What one stage of a member takes beside the process itself, over the size: from dry runs.
public struct StageMemory: Equatable, Codable, Sendable {
    /// `text_encoder`, `unet`, `decoder`, `writing`
    public var stage: String
    /// The weights that it reads.
    public var weightBytes: Int
    /// The weights in memory while it runs, those of other stages too where they stay. A mode that is missing cannot be had.
    public var residentBytes: [MemoryMode: Int]
    /// All else, with one evaluation a step.
    public var unguided: MemoryCurve
    /// All else, with two.
    public var guided: MemoryCurve
    /// The least that the stage takes when it runs in bands, its own weights counted; nil where it runs as a whole. 0 is not known:
    /// a dry run decides.
    public var least: MemoryCurve?

    /// Names them all.
    public init(
        stage: String, weightBytes: Int, residentBytes: [MemoryMode: Int], unguided: MemoryCurve, guided: MemoryCurve,
        least: MemoryCurve? = nil
    ) {
        self.stage = stage
        self.weightBytes = weightBytes
        self.residentBytes = residentBytes
        self.unguided = unguided
        self.guided = guided
        self.least = least
    }

    /// All but the weights, for a picture.
    public func computingBytes(pixels: Int, evaluationsPerStep: Int) -> Int {
        (evaluationsPerStep == 1 ? unguided : guided)(pixels: pixels)
    }

    /// The weights of other stages that are in memory while it runs.
    func otherBytes(_ mode: MemoryMode) -> Int { max((residentBytes[mode] ?? 0) - weightBytes, 0) }

    enum CodingKeys: String, CodingKey {
        case stage
        case weightBytes = "weight_bytes"
        case residentBytes = "resident_bytes"
        case unguided, guided, least
    }
}

extension [StageMemory] {
    /// The most that a picture takes beside the process itself, in each mode that can be had; with stages in bands where they take
    /// less so.
    public func peaks(pixels: Int, evaluationsPerStep: Int, usesBands: Bool = true) -> [MemoryMode: Int] {
        var peaks: [MemoryMode: Int] = [:]
        for mode in MemoryMode.allCases {
            let bytes = compactMap { stage in
                stage.residentBytes[mode].map { resident in
                    let whole = resident + stage.computingBytes(pixels: pixels, evaluationsPerStep: evaluationsPerStep)
                    guard usesBands, let least = stage.least else { return whole }
                    return Swift.min(whole, stage.otherBytes(mode) + least(pixels: pixels))
                }
            }
            if bytes.count == count { peaks[mode] = bytes.max() }
        }
        return peaks
    }

    /// The fastest mode in which a picture takes no more than `bytes`; nil when none does. To read weights again costs less than
    /// to run a stage in bands, and that less than to read them in every step.
    public func mode(pixels: Int, evaluationsPerStep: Int, within bytes: Int) -> MemoryMode? {
        func first(_ modes: [MemoryMode], usesBands: Bool) -> MemoryMode? {
            let peaks = peaks(pixels: pixels, evaluationsPerStep: evaluationsPerStep, usesBands: usesBands)
            return modes.first { mode in peaks[mode].map { $0 <= bytes } ?? false }
        }
        return first([.together, .oneStage], usesBands: false) ?? first(MemoryMode.allCases, usesBands: true)
    }

    /// What each stage takes, in a process that takes `baselineBytes` by itself: a stage that does not fit as a whole, all that there is.
    public func table(
        _ mode: MemoryMode, pixels: Int, evaluationsPerStep: Int, baselineBytes: Int, limitBytes: Int
    ) -> [Plan.Stage] {
        map { stage in
            var resident = stage.residentBytes[mode] ?? 0
            var computing = stage.computingBytes(pixels: pixels, evaluationsPerStep: evaluationsPerStep)
            if stage.least != nil, baselineBytes + resident + computing > limitBytes {
                resident = stage.otherBytes(mode)
                computing = limitBytes - baselineBytes - resident
            }
            return Plan.Stage(
                stage: stage.stage, weightBytes: stage.weightBytes, residentBytes: resident, computingBytes: computing,
                baselineBytes: baselineBytes)
        }
    }
}

/// Which weights are in memory while a picture is made, the fastest way first.
public enum MemoryMode: String, Codable, CodingKeyRepresentable, Comparable, Sendable, CaseIterable,
    CustomStringConvertible
{
    /// Those of all stages: the next picture starts at once.
    case together
    /// Those of the running stage: every picture reads them again.
    case oneStage = "one_stage"
    /// Those of the running block: every step reads them again.
    case streamed

    /// Whether `one` is the faster way.
    public static func < (one: MemoryMode, other: MemoryMode) -> Bool { one.order < other.order }

    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// For people.
    public var description: String {
        switch self {
        case .together: "all weights in memory"
        case .oneStage: "one stage's weights in memory"
        case .streamed: "weights streamed"
        }
    }
}
