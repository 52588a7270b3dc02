/// How what the text encoders say becomes what the denoiser is told.
struct ConditioningRules: Sendable {
    /// An absent negative prompt is zeros; an empty one is encoded as any other.
    var zerosForAbsentNegative = false
    /// The network is told the picture's sizes.
    var hasSizes = false

    /// Numbers that say a picture's sizes: height and width before it was cut, the cut's top and left, height and width that are wanted.
    static let sizeCount = 6

    /// The texts of the batch, in diffusers' order: the negative prompt, where there is guidance by a second evaluation, and the
    /// prompt. Nil stands for zeros.
    func texts(_ settings: GenerationSettings, _ guidance: Guidance) -> [String?] {
        guard guidance.evaluations(settings) == 2 else { return [settings.prompt] }
        return [settings.negativePrompt ?? (zerosForAbsentNegative ? nil : ""), settings.prompt]
    }

    /// The sizes of a picture that is not cut, `[6]`; none where the network is not told.
    func sizes(_ settings: GenerationSettings) -> [Float] {
        let (height, width) = (Float(settings.height), Float(settings.width))
        return hasSizes ? [height, width, 0, 0, height, width] : []
    }
}

/// What the denoiser is told beside the latents, for each row of its batch; made once a picture.
struct Conditioning: Sendable {
    /// Rows.
    let batch: Int
    /// Each text's tokens, what the encoders say of one side by side: `[batch, tokens, channels]`.
    let sequence: [Float]
    /// Tokens of a text, and channels of one.
    let tokens: Int, channels: Int
    /// Each text as a whole, `[batch, P]`; empty where the network is not told.
    let pooled: [Float]
    /// The picture's sizes, `[batch, 6]`; empty where the network is not told.
    let sizes: [Float]

    /// What one encoder says of the texts that are not zeros.
    struct Part {
        /// `[texts, tokens, channels]`.
        let sequence: [Float]
        let channels: Int
        /// `[texts, P]`; empty where the network is not told.
        let pooled: [Float]
    }

    /// Puts together what the encoders say.
    ///
    /// - Parameter texts: those of the batch; nil has no row in `parts`, and becomes zeros.
    init(_ parts: [Part], texts: [String?], tokens: Int, sizes: [Float]) {
        let count = texts.count { $0 != nil }
        batch = texts.count
        self.tokens = tokens
        channels = parts.reduce(0) { $0 + $1.channels }
        var sequence: [Float] = [], pooled: [Float] = []
        sequence.reserveCapacity(batch * tokens * channels)
        var row = 0
        for text in texts {
            for token in 0..<tokens {
                for part in parts {
                    let start = (row * tokens + token) * part.channels
                    sequence += text == nil ? zeros(part.channels) : part.sequence[start..<start + part.channels]
                }
            }
            for part in parts {
                let width = part.pooled.count / count
                pooled += text == nil ? zeros(width) : part.pooled[row * width..<(row + 1) * width]
            }
            if text != nil { row += 1 }
        }
        self.sequence = sequence
        self.pooled = pooled
        self.sizes = texts.flatMap { _ in sizes }
    }
}

private func zeros(_ count: Int) -> ArraySlice<Float> { Array(repeating: 0, count: count)[...] }
