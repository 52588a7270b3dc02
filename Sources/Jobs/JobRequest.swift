import JSONText
import Terms

/// What a client asks for: one object of a job file, checked. Whatever is nil is chosen by the planner or the model.
public struct JobRequest: Equatable, Sendable {
    /// The client's own id: a second request with the same one is the same job.
    public var id: JobID?
    /// What the picture shows: up to 16,384 Unicode scalars. An empty one is a prompt too: the model draws what it likes.
    public var prompt: String
    /// What the picture must not show. Nil and an empty text make the same picture; only the job's JSON tells them apart.
    public var negativePrompt: String?
    /// Pixels; a model asks further that they be a multiple of its factor.
    public var width: Int?
    /// Pixels; see `width`.
    public var height: Int?
    /// The picture to begin with: its path inside the spool, below `images/` or `done/`. The sides that the job leaves out are its
    /// own.
    public var initImage: String?
    /// How far to go from it: above 0, at most 1; `defaultStrength` unless given. Nil without a picture to begin with.
    public var strength: Double?
    /// Where the noise begins. Without one the queue chooses one at insertion (`Job.seed`).
    public var seed: UInt64?
    /// Steps of the sampler.
    public var steps: Int?
    /// How strongly the prompt is followed; at 1 and below there is no negative pass.
    public var guidanceScale: Double?
    /// The sampler, or the model's own.
    public var sampler: Sampler?
    /// The source of noise, or ours.
    public var rng: RandomSourceName?
    /// The name of the one model that may serve the job.
    public var model: String?
    /// The one precision of the model's weights that may serve the job.
    public var precision: Precision?
    /// The wall time that the work may take, the wait in the queue not counted: above 0, at most 24 hours.
    public var latencyBudget: Duration?
    /// The moment by which the picture should be there.
    public var deadline: Timestamp?
    /// The memory that the process may take for the job, in bytes, where that is less than the daemon's own limit: above 0.
    public var maxMemory: Int?
    /// Higher is sooner: -100...100, 0 unless given.
    public var priority: Int
    /// How the picture is written.
    public var output: Output

    /// How a picture is written: the `output` of a job file.
    public struct Output: Equatable, Sendable {
        /// The NAME of the result, or one made from the job file's name.
        public var name: ResultName?
        /// WebP quality, 0...100.
        public var quality: Int?
        /// Whether every pixel is kept.
        public var lossless: Bool?

        /// An output that leaves open whatever is not given.
        public init(name: ResultName? = nil, quality: Int? = nil, lossless: Bool? = nil) {
            self.name = name
            self.quality = quality
            self.lossless = lossless
        }
    }

    /// A request for `prompt` that leaves everything else open.
    public init(prompt: String, negativePrompt: String? = nil) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.priority = 0
        self.output = Output()
    }
}

extension JobRequest {
    /// diffusers' own.
    public static let defaultStrength = 0.8

    /// How often the network is asked for `steps`. A job that begins with a picture leaves the first steps out; with LCM it takes all of
    /// them, over the rest of the way. PNDM takes its first step twice, or asks nine times more for its first three.
    ///
    /// - Parameter runsRungeKutta: whether the model's files have PNDM begin with Runge-Kutta steps.
    /// - Returns: 0 when not one step is left.
    public func runningSteps(of steps: Int, sampler: Sampler, runsRungeKutta: Bool = false) -> Int {
        let strength = initImage == nil ? 1 : strength ?? Self.defaultStrength
        return sampler.evaluations(of: steps, strength: strength, runsRungeKutta: runsRungeKutta)
    }
}

extension JobRequest: Codable {
    /// Reads one job from JSON text in UTF-8, refusing whatever it does not know.
    public static func decode(json: some Sequence<UInt8>) throws(JobError) -> JobRequest {
        try JobRequest(json: JSONValue(parsing: json))
    }

    /// The request as canonical JSON in UTF-8: the fields in the schema's order, nothing that is not set.
    public func encoded() -> [UInt8] {
        Array(json.description.utf8)
    }

    /// Reads one job from any decoder, as strictly as from JSON text.
    public init(from decoder: any Decoder) throws {
        try self.init(json: JSONValue(from: decoder))
    }

    /// Writes what `json` says.
    public func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }
}

/// How a model's weights are kept and multiplied (`docs/precision.md`); the raw value is the word in job files and manifests.
public enum Precision: String, Codable, CodingKeyRepresentable, CaseIterable, Comparable, Sendable {
    case int4, int8, bf16, fp32

    /// By width: `int4 < fp32`.
    public static func < (left: Precision, right: Precision) -> Bool { left.bits < right.bits }

    private var bits: Int {
        switch self {
        case .int4: 4
        case .int8: 8
        case .bf16: 16
        case .fp32: 32
        }
    }
}

/// Where a job's noise comes from; the raw value is the word in the job file.
public enum RandomSourceName: String, Codable, CaseIterable, Sendable {
    /// Our counter-based generator: the same bits on every host.
    case latentd
    /// The numbers of `torch.manual_seed(seed); torch.randn(...)` on a CPU, for comparing with diffusers.
    case torch
}
