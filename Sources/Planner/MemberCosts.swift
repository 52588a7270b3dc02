import Jobs

/// What one member (a model at one precision) costs on this host: measured by a calibration, refined by every job.
public struct MemberCosts: Equatable, Codable, Sendable {
    /// The model that was measured.
    public var modelIdentity: String
    /// The weights that were measured.
    public var precision: Precision
    /// Reading and laying out the weights.
    public var loadSeconds: Double
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
    /// What each stage takes beside the process itself, in their order.
    public var memory: [StageMemory]

    /// Names them all.
    public init(
        modelIdentity: String, precision: Precision, loadSeconds: Double, textSeconds: Double, evaluation: CostCurve,
        decode: CostCurve, encode: CostCurve, memory: [StageMemory]
    ) {
        self.modelIdentity = modelIdentity
        self.precision = precision
        self.loadSeconds = loadSeconds
        self.textSeconds = textSeconds
        self.evaluation = evaluation
        self.decode = decode
        self.encode = encode
        self.memory = memory
    }

    /// What a first job tells of a member that was never measured: every cost in proportion to the pixels.
    ///
    /// - Parameters:
    ///   - observed: The stages as measured.
    ///   - memory: What its dry run said.
    public init(
        modelIdentity: String, precision: Precision, observed: Prediction, pixels: Int, evaluations: Int,
        memory: [StageMemory]
    ) {
        self.init(
            modelIdentity: modelIdentity, precision: precision, loadSeconds: observed.loadSeconds,
            textSeconds: observed.textSeconds,
            evaluation: CostCurve(pixels: pixels, cost: observed.denoiseSeconds / Double(max(evaluations, 1))),
            decode: CostCurve(pixels: pixels, cost: observed.decodeSeconds),
            encode: CostCurve(pixels: pixels, cost: observed.encodeSeconds), memory: memory)
        initImage = observed.initImageSeconds.map { CostCurve(pixels: pixels, cost: $0) }
    }

    /// The time that a job should take.
    ///
    /// - Parameter steps: Those that are taken.
    public func prediction(
        pixels: Int, steps: Int, evaluationsPerStep: Int, isLoaded: Bool, hasInitImage: Bool = false
    ) -> Prediction {
        Prediction(
            loadSeconds: isLoaded ? 0 : loadSeconds, textSeconds: textSeconds,
            initImageSeconds: hasInitImage ? (initImage ?? decode)(pixels: pixels) : nil,
            denoiseSeconds: Double(steps * evaluationsPerStep) * evaluation(pixels: pixels),
            decodeSeconds: decode(pixels: pixels), encodeSeconds: encode(pixels: pixels))
    }

    /// Learns from a job that was run: every figure moves a quarter of the way to what was seen.
    ///
    /// - Parameter observed: The stages as measured; `loadSeconds` 0 when nothing was loaded.
    public mutating func refine(observed: Prediction, pixels: Int, evaluations: Int) {
        let weight = 0.25
        if observed.loadSeconds > 0 { loadSeconds += weight * (observed.loadSeconds - loadSeconds) }
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
}
