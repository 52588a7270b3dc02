/// What a picture says about how it was made. `docs/metadata.md` shows where each part lies in the file.
///
/// Everything but `timings` is the same for two runs of one job on one host.
public struct PictureMetadata: Equatable, Sendable {
    /// The words.
    public var prompt: String
    /// The words to stay away from; may be empty.
    public var negativePrompt: String
    /// Size in pixels.
    public var width: Int
    /// Size in pixels.
    public var height: Int
    /// Where the noise started.
    public var seed: UInt64
    /// How many denoising steps were made.
    public var steps: Int
    /// The sampler's name as a job spells it: `euler-a`.
    public var sampler: String
    /// Classifier-free guidance.
    public var guidanceScale: Double
    /// The random source's name as a job spells it: `latentd` or `torch`.
    public var randomSource: String
    /// The model's name: its folder's.
    public var model: String
    /// SHA-256 of the model, 64 hexadecimal digits.
    public var modelSHA256: String
    /// The precision of the weights: `fp32`.
    public var precision: String
    /// The table of kernels that computed it: `avx512`.
    public var isa: String
    /// The version of latentd.
    public var version: String
    /// How long each stage took, in the order in which they ran.
    public var timings: [StageTiming]
    /// What it began with; nil for noise alone.
    public var initImage: InitImage?
    /// A whole job file (JSON) that makes these pixels again. Also the one exact copy of the two prompts: XML cannot hold
    /// every character, so the packet's own copies have U+FFFD in place of those.
    public var job: String

    /// A stage of the pipeline and the time it took.
    public struct StageTiming: Equatable, Sendable {
        /// `text`, `denoise`, `decode` ...
        public var stage: String
        /// Wall time.
        public var seconds: Double

        /// Names both.
        public init(stage: String, seconds: Double) {
            self.stage = stage
            self.seconds = seconds
        }
    }

    /// The picture that it began with.
    public struct InitImage: Equatable, Sendable {
        /// SHA-256 of its file, 64 hexadecimal digits.
        public var sha256: String
        /// How far the picture went from it: 0...1.
        public var strength: Double

        /// Names both.
        public init(sha256: String, strength: Double) {
            self.sha256 = sha256
            self.strength = strength
        }
    }

    /// Names every fact; none has a default, so that none is forgotten.
    public init(
        prompt: String, negativePrompt: String, width: Int, height: Int, seed: UInt64, steps: Int, sampler: String,
        guidanceScale: Double, randomSource: String, model: String, modelSHA256: String, precision: String, isa: String,
        version: String, timings: [StageTiming], initImage: InitImage?, job: String
    ) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.width = width
        self.height = height
        self.seed = seed
        self.steps = steps
        self.sampler = sampler
        self.guidanceScale = guidanceScale
        self.randomSource = randomSource
        self.model = model
        self.modelSHA256 = modelSHA256
        self.precision = precision
        self.isa = isa
        self.version = version
        self.timings = timings
        self.initImage = initImage
        self.job = job
    }

    /// Reads what latentd wrote into a WebP file.
    ///
    /// A tool that rewrote the packet in another of XMP's forms does no harm.
    public init(webp bytes: [UInt8]) throws(ImageError) {
        guard let packet = try WebP.xmp(of: bytes) else { throw .noMetadata }
        try self.init(xmpPacket: packet)
    }
}
