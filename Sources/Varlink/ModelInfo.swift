/// A model folder (`type Model`).
public struct ModelInfo: Codable, Sendable, Equatable {
    /// The folder's name; what a job's `model` says.
    public var name: String
    /// The architecture; nil when it cannot be used.
    public var family: String?
    /// Models of one group may stand in for one another; nil when it cannot be used.
    public var group: String?
    /// Where it lies.
    public var path: String
    /// Why it cannot be used; nil when it can.
    public var problem: String?
    /// Its weights.
    public var bytes: Int?
    /// Its own picture size.
    public var width: Int?
    /// Its own picture size.
    public var height: Int?
    /// What it can be run at, the best first.
    public var members: [MemberInfo]
    /// The step counts that its manifest offers.
    public var steps: [Int]
    /// Whether this host has measured it.
    public var calibrated: Bool
    /// Its licence, as the manifest says it.
    public var licence: String?

    /// A model with these fields.
    public init(
        name: String, family: String?, group: String?, path: String, problem: String?, bytes: Int?, width: Int?,
        height: Int?,
        members: [MemberInfo],
        steps: [Int], calibrated: Bool, licence: String?
    ) {
        self.name = name
        self.family = family
        self.group = group
        self.path = path
        self.problem = problem
        self.bytes = bytes
        self.width = width
        self.height = height
        self.members = members
        self.steps = steps
        self.calibrated = calibrated
        self.licence = licence
    }
}

/// A model at one precision (`type Member`): what its own picture costs with its own settings, the weights in memory.
public struct MemberInfo: Codable, Sendable, Equatable {
    /// `fp32`, `bf16`, `int8` or `int4`.
    public var precision: String
    /// Nil until this host has measured it.
    public var seconds: Double?
    /// Nil until this host has measured it.
    public var peakBytes: Int?
    /// How far its pictures are from those of fp32, in dB; nil where nobody measured it.
    public var psnr: Double?
    /// What its pictures are worth beside those of the group, 0...100, with the model's own steps.
    public var quality: Double

    enum CodingKeys: String, CodingKey {
        case precision, seconds, psnr, quality
        case peakBytes = "peak_bytes"
    }

    /// A member with these fields.
    public init(precision: String, seconds: Double?, peakBytes: Int?, psnr: Double?, quality: Double) {
        self.precision = precision
        self.seconds = seconds
        self.peakBytes = peakBytes
        self.psnr = psnr
        self.quality = quality
    }
}

/// How fast a model is here (`type Calibration`).
public struct CalibrationInfo: Codable, Sendable, Equatable {
    /// The model's folder name.
    public var model: String
    /// How its weights were kept and multiplied.
    public var precision: String
    /// The text encoder.
    public var textSeconds: Double
    /// One UNet evaluation at `width` x `height`.
    public var stepSeconds: Double
    /// The decoder at `width` x `height`.
    public var decodeSeconds: Double
    /// Pixels of the measured picture.
    public var width: Int
    /// Pixels of the measured picture.
    public var height: Int

    enum CodingKeys: String, CodingKey {
        case model, precision, width, height
        case textSeconds = "text_seconds"
        case stepSeconds = "step_seconds"
        case decodeSeconds = "decode_seconds"
    }

    /// A calibration with these fields.
    public init(
        model: String, precision: String, textSeconds: Double, stepSeconds: Double, decodeSeconds: Double, width: Int,
        height: Int
    ) {
        self.model = model
        self.precision = precision
        self.textSeconds = textSeconds
        self.stepSeconds = stepSeconds
        self.decodeSeconds = decodeSeconds
        self.width = width
        self.height = height
    }
}
