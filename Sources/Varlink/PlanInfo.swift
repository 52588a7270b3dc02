/// What was chosen for a job, and why (`type Plan`).
public struct PlanInfo: Codable, Sendable, Equatable {
    /// The model's folder name.
    public var model: String
    /// fp32 ...
    public var precision: String
    /// Pixels.
    public var width: Int
    /// Pixels.
    public var height: Int
    /// Denoising steps.
    public var steps: Int
    /// Classifier-free guidance.
    public var guidanceScale: Double
    /// The sampler's name.
    public var sampler: String
    /// From the claim to the finished picture.
    public var predictedSeconds: Double
    /// The peak of all stages.
    public var predictedPeakBytes: Int
    /// What the job asked for.
    public var budgetSeconds: Double?
    /// False: the job is done, but later than it asked for.
    public var meetsBudget: Bool
    /// One sentence.
    public var explanation: String
    /// Everything that was looked at.
    public var candidates: [CandidateInfo]

    enum CodingKeys: String, CodingKey {
        case model, precision, width, height, steps, sampler, explanation, candidates
        case guidanceScale = "guidance_scale"
        case predictedSeconds = "predicted_seconds"
        case predictedPeakBytes = "predicted_peak_bytes"
        case budgetSeconds = "budget_seconds"
        case meetsBudget = "meets_budget"
    }

    /// A plan with these fields.
    public init(
        model: String, precision: String, width: Int, height: Int, steps: Int, guidanceScale: Double, sampler: String,
        predictedSeconds: Double, predictedPeakBytes: Int, budgetSeconds: Double?, meetsBudget: Bool,
        explanation: String, candidates: [CandidateInfo]
    ) {
        self.model = model
        self.precision = precision
        self.width = width
        self.height = height
        self.steps = steps
        self.guidanceScale = guidanceScale
        self.sampler = sampler
        self.predictedSeconds = predictedSeconds
        self.predictedPeakBytes = predictedPeakBytes
        self.budgetSeconds = budgetSeconds
        self.meetsBudget = meetsBudget
        self.explanation = explanation
        self.candidates = candidates
    }
}

/// One variant that the planner looked at (`type Candidate`).
public struct CandidateInfo: Codable, Sendable, Equatable {
    /// The model's folder name.
    public var model: String
    /// fp32 ...
    public var precision: String
    /// Denoising steps.
    public var steps: Int
    /// Nil when it was ruled out before a prediction.
    public var predictedSeconds: Double?
    /// Nil when it was ruled out before a prediction.
    public var predictedPeakBytes: Int?
    /// Whether it is the plan's.
    public var chosen: Bool
    /// Why it was chosen, or not.
    public var reason: String

    enum CodingKeys: String, CodingKey {
        case model, precision, steps, chosen, reason
        case predictedSeconds = "predicted_seconds"
        case predictedPeakBytes = "predicted_peak_bytes"
    }

    /// A candidate with these fields.
    public init(
        model: String, precision: String, steps: Int, predictedSeconds: Double?, predictedPeakBytes: Int?,
        chosen: Bool, reason: String
    ) {
        self.model = model
        self.precision = precision
        self.steps = steps
        self.predictedSeconds = predictedSeconds
        self.predictedPeakBytes = predictedPeakBytes
        self.chosen = chosen
        self.reason = reason
    }
}
