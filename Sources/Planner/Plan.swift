import Jobs
import Terms

/// How a job will be run, and why so.
public struct Plan: Equatable, Codable, Sendable {
    /// What was chosen.
    public var variant: Variant
    /// The size of the picture.
    public var width: Int
    /// The size of the picture.
    public var height: Int
    /// The job's guidance scale, or the model's.
    public var guidanceScale: Double
    /// The job's sampler, or the model's.
    public var sampler: Sampler
    /// The time that the job may take: its budget, or what is left until its deadline, whichever is less.
    public var budgetSeconds: Double?
    /// The time that it should take; nil when the member was never measured here.
    public var prediction: Prediction?
    /// The memory that the process should take; nil when the member was never measured here.
    public var peakBytes: Int?
    /// The memory that it may take.
    public var memoryLimitBytes: Int
    /// Which weights are in memory meanwhile; nil when the member was never measured here.
    public var memoryMode: MemoryMode?
    /// What each stage should take, in their order; empty when the member was never measured here.
    public var stages: [Stage]
    /// Whether the prediction, with some time in hand, lies within the budget; nil without either.
    public var meetsBudget: Bool?
    /// Every candidate, the best first.
    public var candidates: [Candidate]
    /// A sentence or two for the operator.
    public var explanation: String
    /// A precision that this CPU has no instructions for; the first of `warnings` then.
    public var warning: String?
    /// What a person should know before the job is done, a sentence each: what is slow here, and which part of the request is not
    /// followed.
    public var warnings: [String]

    /// Names them all; a planner does, and what reads a plan from elsewhere.
    public init(
        variant: Variant, width: Int, height: Int, guidanceScale: Double, sampler: Sampler, budgetSeconds: Double?,
        prediction: Prediction?, peakBytes: Int?, memoryLimitBytes: Int, memoryMode: MemoryMode?, stages: [Stage],
        meetsBudget: Bool?, candidates: [Candidate], explanation: String, warning: String? = nil
    ) {
        self.variant = variant
        self.width = width
        self.height = height
        self.guidanceScale = guidanceScale
        self.sampler = sampler
        self.budgetSeconds = budgetSeconds
        self.prediction = prediction
        self.peakBytes = peakBytes
        self.memoryLimitBytes = memoryLimitBytes
        self.memoryMode = memoryMode
        self.stages = stages
        self.meetsBudget = meetsBudget
        self.candidates = candidates
        self.explanation = explanation
        self.warning = warning
        warnings = warning.map { [$0] } ?? []
    }

    /// What a stage of the picture takes.
    public struct Stage: Equatable, Codable, Sendable {
        /// `text_encoder`, `unet`, `decoder`, `writing`
        public var stage: String
        /// The weights that it reads: all of them are mapped, or loaded.
        public var weightBytes: Int
        /// The weights in memory while it runs, those of other stages too where they stay.
        public var residentBytes: Int
        /// All else that is computed with: activations, workspace, pixels.
        public var computingBytes: Int
        /// What it keeps in a file meanwhile.
        public var scratchBytes: Int
        /// The process's peak.
        public var peakBytes: Int

        /// A stage of a process that takes `baselineBytes` by itself.
        public init(
            stage: String, weightBytes: Int, residentBytes: Int, computingBytes: Int, scratchBytes: Int = 0,
            baselineBytes: Int
        ) {
            self.stage = stage
            self.weightBytes = weightBytes
            self.residentBytes = residentBytes
            self.computingBytes = computingBytes
            self.scratchBytes = scratchBytes
            peakBytes = baselineBytes + residentBytes + computingBytes
        }

        enum CodingKeys: String, CodingKey {
            case stage
            case weightBytes = "weight_bytes"
            case residentBytes = "resident_bytes"
            case computingBytes = "computing_bytes"
            case scratchBytes = "scratch_bytes"
            case peakBytes = "peak_bytes"
        }
    }

    /// A variant that was looked at.
    public struct Candidate: Equatable, Codable, Sendable {
        /// What it would be.
        public var variant: Variant
        /// What its pictures are worth, 0...100.
        public var quality: Double
        /// How far they are from those of fp32, in dB; nil where nobody measured it.
        public var psnr: Double?
        /// The time that it should take; nil when never measured here.
        public var predictedSeconds: Double?
        /// The memory that it should take in the way that it would be made; nil when never measured here.
        public var peakBytes: Int?
        /// The same in every way that it could be made; empty when never measured here.
        public var peaks: [MemoryMode: Int]
        /// Why it was taken, or was not.
        public var verdict: Verdict

        /// Names them all.
        public init(
            variant: Variant, quality: Double, psnr: Double? = nil, predictedSeconds: Double?, peakBytes: Int?,
            peaks: [MemoryMode: Int], verdict: Verdict
        ) {
            self.variant = variant
            self.quality = quality
            self.psnr = psnr
            self.predictedSeconds = predictedSeconds
            self.peakBytes = peakBytes
            self.peaks = peaks
            self.verdict = verdict
        }

        enum CodingKeys: String, CodingKey {
            case variant, quality, psnr
            case predictedSeconds = "predicted_seconds"
            case peakBytes = "peak_bytes"
            case peaks, verdict
        }
    }

    /// What became of a candidate.
    public enum Verdict: String, Codable, Sendable {
        /// This is the one.
        case chosen
        /// It would not be done in time.
        case tooSlow = "too_slow"
        /// It would not fit into the memory limit.
        case tooLarge = "too_large"
        /// It would do, but a better one does too.
        case lesserQuality = "lesser_quality"
        /// As good as the one chosen, but slower.
        case slower
        /// There is a budget, and nobody knows how long it takes here.
        case unmeasured
    }

    enum CodingKeys: String, CodingKey {
        case variant, width, height
        case guidanceScale = "guidance_scale"
        case sampler
        case budgetSeconds = "budget_seconds"
        case prediction
        case peakBytes = "peak_bytes"
        case memoryLimitBytes = "memory_limit_bytes"
        case memoryMode = "memory_mode"
        case stages
        case meetsBudget = "meets_budget"
        case candidates, explanation, warning, warnings
    }
}

/// One way to serve a job: what a planner chooses among.
public struct Variant: Hashable, Codable, Sendable, CustomStringConvertible {
    /// The model's name.
    public var model: String
    /// Which of its sets of weights.
    public var precision: Precision
    /// How many denoising steps.
    public var steps: Int

    /// Names all three.
    public init(model: String, precision: Precision, steps: Int) {
        self.model = model
        self.precision = precision
        self.steps = steps
    }

    /// `emoji fp32, 20 steps`
    public var description: String {
        "\(model) \(precision.rawValue), \(steps) step\(steps == 1 ? "" : "s")"
    }
}

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
