import Terms

/// Everything that decides what a picture looks like, beside the model.
public struct GenerationSettings: Hashable, Sendable {
    /// What to draw.
    public var prompt: String
    /// What to stay away from; used when guidance is on. To some models an absent one is not the same as an empty one.
    public var negativePrompt: String?
    /// Size in pixels; multiples of the model's factor (8).
    public var width: Int, height: Int
    /// The random source's seed. `torch` uses the low 32 bits, as torch does.
    public var seed: UInt64
    /// Denoising steps.
    public var steps: Int
    /// How far to move from the negative towards the prompt; no guidance at 1 and below.
    public var guidanceScale: Float
    /// The way from noise to picture.
    public var sampler: Sampler
    /// Where the noise comes from.
    public var random: RandomSourceKind
    /// What to begin with instead of noise alone.
    public var initImage: InitImage?
    /// Text encoder layers to leave out at the end, as diffusers' `clip_skip` counts them; nil is none.
    public var clipSkip: Int?

    /// All settings.
    public init(
        prompt: String, negativePrompt: String? = nil, width: Int, height: Int, seed: UInt64, steps: Int,
        guidanceScale: Float, sampler: Sampler, random: RandomSourceKind = .latentd,
        initImage: InitImage? = nil, clipSkip: Int? = nil
    ) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.width = width
        self.height = height
        self.seed = seed
        self.steps = steps
        self.guidanceScale = guidanceScale
        self.sampler = sampler
        self.random = random
        self.initImage = initImage
        self.clipSkip = clipSkip
    }
}

/// A picture to begin with.
public struct InitImage: Hashable, Sendable {
    /// Of the size that is asked for.
    public var pixels: PixelBuffer
    /// How far to go from it: above 0, where it stays as it is, to 1, where little is left of it.
    public var strength: Double

    /// Names both.
    public init(pixels: PixelBuffer, strength: Double) {
        self.pixels = pixels
        self.strength = strength
    }
}
