import Jobs
import Terms

extension Plan {
    /// Reads a plan; one of a version that knew no list of warnings has those that it names.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        variant = try fields.decode(Variant.self, forKey: .variant)
        width = try fields.decode(Int.self, forKey: .width)
        height = try fields.decode(Int.self, forKey: .height)
        guidanceScale = try fields.decode(Double.self, forKey: .guidanceScale)
        sampler = try fields.decode(Sampler.self, forKey: .sampler)
        budgetSeconds = try fields.decodeIfPresent(Double.self, forKey: .budgetSeconds)
        prediction = try fields.decodeIfPresent(Prediction.self, forKey: .prediction)
        peakBytes = try fields.decodeIfPresent(Int.self, forKey: .peakBytes)
        memoryLimitBytes = try fields.decode(Int.self, forKey: .memoryLimitBytes)
        memoryMode = try fields.decodeIfPresent(MemoryMode.self, forKey: .memoryMode)
        stages = try fields.decode([Stage].self, forKey: .stages)
        meetsBudget = try fields.decodeIfPresent(Bool.self, forKey: .meetsBudget)
        candidates = try fields.decode([Candidate].self, forKey: .candidates)
        explanation = try fields.decode(String.self, forKey: .explanation)
        warning = try fields.decodeIfPresent(String.self, forKey: .warning)
        warnings = try fields.decodeIfPresent([String].self, forKey: .warnings) ?? warning.map { [$0] } ?? []
    }
}
