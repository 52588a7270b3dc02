/// How long each stage of a job should take here.
public struct Prediction: Equatable, Codable, Sendable {
    /// Reading the model, 0 when it is loaded already.
    public var loadSeconds: Double
    /// The text encoder.
    public var textSeconds: Double
    /// The picture that the job begins with, from its file to latents; nil where there is none.
    public var initImageSeconds: Double?
    /// All denoising steps.
    public var denoiseSeconds: Double
    /// Latents to pixels.
    public var decodeSeconds: Double
    /// Pixels to a WebP file.
    public var encodeSeconds: Double

    /// Names them all.
    public init(
        loadSeconds: Double, textSeconds: Double, initImageSeconds: Double? = nil, denoiseSeconds: Double,
        decodeSeconds: Double, encodeSeconds: Double
    ) {
        self.loadSeconds = loadSeconds
        self.textSeconds = textSeconds
        self.initImageSeconds = initImageSeconds
        self.denoiseSeconds = denoiseSeconds
        self.decodeSeconds = decodeSeconds
        self.encodeSeconds = encodeSeconds
    }

    /// From the claim to the finished file.
    public var totalSeconds: Double {
        loadSeconds + textSeconds + (initImageSeconds ?? 0) + denoiseSeconds + decodeSeconds + encodeSeconds
    }

    enum CodingKeys: String, CodingKey {
        case loadSeconds = "load_seconds"
        case textSeconds = "text_seconds"
        case initImageSeconds = "init_image_seconds"
        case denoiseSeconds = "denoise_seconds"
        case decodeSeconds = "decode_seconds"
        case encodeSeconds = "encode_seconds"
    }
}
