/// What the stages of one member take in one memory mode, over the size.
public struct StageTimes: Equatable, Codable, Sendable {
    /// Both prompts through the text encoder.
    public var textSeconds: Double
    /// Seconds for one evaluation of the UNet for one picture, the sampler's arithmetic included.
    public var evaluation: CostCurve
    /// Seconds for a picture that a job begins with, from its file to latents; nil until a job had one. Until then it counts as
    /// much as the decoder, which does more work.
    public var initImage: CostCurve?
    /// Seconds for the decoder.
    public var decode: CostCurve
    /// Seconds for the WebP.
    public var encode: CostCurve

    /// Names those that a calibration measures.
    public init(textSeconds: Double, evaluation: CostCurve, decode: CostCurve, encode: CostCurve) {
        self.textSeconds = textSeconds
        self.evaluation = evaluation
        self.decode = decode
        self.encode = encode
    }

    /// What one job tells: every cost in proportion to the pixels.
    init(observed: Prediction, pixels: Int, evaluations: Int) {
        self.init(
            textSeconds: observed.textSeconds,
            evaluation: CostCurve(pixels: pixels, cost: observed.denoiseSeconds / Double(max(evaluations, 1))),
            decode: CostCurve(pixels: pixels, cost: observed.decodeSeconds),
            encode: CostCurve(pixels: pixels, cost: observed.encodeSeconds))
        initImage = observed.initImageSeconds.map { CostCurve(pixels: pixels, cost: $0) }
    }

    /// Moves every figure a part of the way to what was seen.
    ///
    /// - Parameter weight: 0 forgets what was seen, 1 trusts nothing else.
    mutating func refine(observed: Prediction, pixels: Int, evaluations: Int, weight: Double) {
        textSeconds += weight * (observed.textSeconds - textSeconds)
        evaluation.refine(
            pixels: pixels, observed: observed.denoiseSeconds / Double(max(evaluations, 1)), weight: weight)
        decode.refine(pixels: pixels, observed: observed.decodeSeconds, weight: weight)
        if let seconds = observed.initImageSeconds {
            if initImage == nil { initImage = CostCurve(pixels: pixels, cost: seconds) }
            initImage?.refine(pixels: pixels, observed: seconds, weight: weight)
        }
        encode.refine(pixels: pixels, observed: observed.encodeSeconds, weight: weight)
    }

    /// The same where every stage but the writing takes `factor` times as long.
    func slowed(by factor: Double) -> StageTimes {
        var times = self
        times.textSeconds *= factor
        times.evaluation.scale(by: factor)
        times.initImage?.scale(by: factor)
        times.decode.scale(by: factor)
        return times
    }
}
