import Jobs
import Terms

/// What the planner has to know of a model: its manifest, or what its configuration implies.
public struct ModelFacts: Equatable, Codable, Sendable {
    /// The folder's name, and the job's `model`.
    public var name: String
    /// The architecture.
    public var family: String
    /// Models that may stand in for one another; a job that pins no model gets one of the first group.
    public var group: String
    /// What a measured cost is valid for: changes when the files of the model do.
    public var identity: String
    /// What a job that does not say gets.
    public var defaults: Defaults
    /// The step counts that the planner may choose, ascending. A job may pin any other.
    public var steps: [Int]
    /// The precisions that its weights can be run at.
    public var precisions: [Precision]
    /// The sizes that it draws.
    public var sizes: Sizes
    /// What guides it.
    public var guidance: Guidance
    /// How good its pictures are at its widest precision and default steps, 0...100: in one unit for all of a group.
    public var quality: Double
    /// Measured qualities, in place of the estimate.
    public var measuredQuality: [MeasuredQuality]
    /// How far the pictures of a precision are from those of fp32, where that was measured: the median PSNR in dB of many
    /// prompts from the same noise.
    public var measuredPSNR: [Precision: Double]
    /// Why the model has no sampler of its own; nil where it has one.
    public var samplerProblem: String?
    /// The samplers that it can be run with; nil where that is not known.
    public var samplers: [Sampler]?
    /// Whether the sampler `pndm` begins with Runge-Kutta steps; nil is false.
    public var runsRungeKutta: Bool?
    /// The least private memory that the weights take, in bytes: known before a member was measured.
    public var weightBytes: [Precision: Int]

    /// The request's missing fields.
    public struct Defaults: Equatable, Codable, Sendable {
        /// Size in pixels.
        public var width: Int, height: Int
        /// Denoising steps.
        public var steps: Int
        /// Classifier-free guidance.
        public var guidanceScale: Double
        /// How the steps are made; nil where the model's own way is not known here: a job has to name one.
        public var sampler: Sampler?

        /// Names them all.
        public init(width: Int, height: Int, steps: Int, guidanceScale: Double, sampler: Sampler?) {
            self.width = width
            self.height = height
            self.steps = steps
            self.guidanceScale = guidanceScale
            self.sampler = sampler
        }
    }

    /// How a model is held to the prompt.
    public enum Guidance: String, Codable, Sendable, CaseIterable {
        /// By a second evaluation, for the negative prompt, wherever the scale is above 1.
        case classifierFree = "classifier_free"
        /// By the scale as an input: one evaluation a step.
        case embedded
        /// By weights that were trained to draw as if guided: one evaluation a step, and no scale above 1.
        case distilled
    }

    /// Which widths and heights are possible.
    public struct Sizes: Equatable, Codable, Sendable {
        /// The least and the most that a side may be, in pixels.
        public var minimum: Int, maximum: Int
        /// Every side is a multiple of this.
        public var multiple: Int

        /// Names them all.
        public init(minimum: Int, maximum: Int, multiple: Int) {
            self.minimum = minimum
            self.maximum = maximum
            self.multiple = multiple
        }

        /// The possible side next to `side`, not above it unless it is the least.
        public func fitting(_ side: Int) -> Int {
            let least = (minimum + multiple - 1) / multiple * multiple
            return max(min(side, maximum) / multiple * multiple, least)
        }
    }

    /// A figure of an evaluation, in the units of `quality`.
    public struct MeasuredQuality: Equatable, Codable, Sendable {
        /// The weights that drew.
        public var precision: Precision
        /// The steps that it took.
        public var steps: Int
        /// What the pictures were worth.
        public var quality: Double

        /// Names them all.
        public init(precision: Precision, steps: Int, quality: Double) {
            self.precision = precision
            self.steps = steps
            self.quality = quality
        }
    }

    /// A model whose quality was not measured.
    public init(
        name: String, family: String, group: String, identity: String, defaults: Defaults, steps: [Int],
        precisions: [Precision],
        sizes: Sizes, guidance: Guidance = .classifierFree, quality: Double = 100,
        measuredQuality: [MeasuredQuality] = [],
        measuredPSNR: [Precision: Double] = [:], weightBytes: [Precision: Int] = [:]
    ) {
        self.name = name
        self.family = family
        self.group = group
        self.identity = identity
        self.defaults = defaults
        self.steps = steps
        self.precisions = precisions
        self.sizes = sizes
        self.guidance = guidance
        self.quality = quality
        self.measuredQuality = measuredQuality
        self.measuredPSNR = measuredPSNR
        self.weightBytes = weightBytes
    }

    /// What a variant's pictures are worth: measured; or else estimated from another precision that was measured at these steps; or else
    /// from `quality`, the precision, and the steps as a part of the default: 0.4 of the quality for the first step, the rest with the
    /// square root of the steps.
    public func quality(_ precision: Precision, steps: Int) -> Double {
        if let measured = measuredQuality.first(where: { $0.precision == precision && $0.steps == steps }) {
            return measured.quality
        }
        if let measured = measuredQuality.filter({ $0.steps == steps }).max(by: { $0.precision < $1.precision }) {
            return measured.quality * Self.factor(precision) / Self.factor(measured.precision)
        }
        let part = min(Double(steps) / Double(defaults.steps), 1)
        return quality * Self.factor(precision) * (0.4 + 0.6 * part.squareRoot())
    }

    /// How much of the quality is left, where neither a figure of the manifest nor fp32 says it.
    private static func factor(_ precision: Precision) -> Double {
        switch precision {
        case .fp32: 1
        case .bf16: 0.999
        case .int8: 0.98
        case .int4: 0.93
        }
    }

    /// How often the network is asked, one after another, in a picture of the model's own steps and sampler.
    public var ownRunningSteps: Int {
        guard let sampler = defaults.sampler ?? samplers?.first else { return defaults.steps }
        return JobRequest(prompt: "").runningSteps(
            of: defaults.steps, sampler: sampler, runsRungeKutta: runsRungeKutta ?? false)
    }

    /// How often the UNet runs for one step of one picture.
    public func evaluationsPerStep(guidanceScale: Double) -> Int {
        guidanceScale > 1 && guidance == .classifierFree ? 2 : 1
    }
}
