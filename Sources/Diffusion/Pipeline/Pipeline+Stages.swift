import Compute

/// The stages as functions that run alike in a real arena and in a measuring one.
///
/// ## Easy to get wrong
/// A tensor's memory returns when the compiler lets the last copy go, which may differ between two inlined copies of the same
/// code. The functions that both the dry run and the real one call are therefore never inlined: one machine code, one peak.
extension Pipeline {
    /// Two evaluations in one batch, one of them for the negative prompt. A model that takes the scale as an input needs one.
    func usesGuidance(_ settings: GenerationSettings) -> Bool {
        settings.guidanceScale > 1 && unetConfiguration.conditionChannels == nil
    }

    /// The prompts of the batch, in diffusers' order.
    func texts(_ settings: GenerationSettings) -> [String] {
        usesGuidance(settings) ? [settings.negativePrompt, settings.prompt] : [settings.prompt]
    }

    /// One image of latents, `[1, h, w, channels]`.
    func latentShape(_ settings: GenerationSettings) -> Shape {
        Shape(
            n: 1, h: settings.height / defaults.sizeFactor, w: settings.width / defaults.sizeFactor,
            c: unetConfiguration.inputs)
    }

    /// What every evaluation of the UNet gets beside the sample.
    struct UNetInputs {
        let text: TextMemory
        let condition: Tensor?
    }

    /// The prompts' embeddings. Of the two prompts, `clipSkip` concerns the positive one only, as in diffusers.
    @inline(never)
    static func embed(
        _ texts: [[Int]], with network: TextEncoder, _ settings: GenerationSettings, _ evaluation: Evaluation
    ) -> Tensor {
        guard let skip = settings.clipSkip, skip > 0 else { return network(texts, evaluation).embeddings }
        let parts = texts.enumerated().map { index, text in
            network([text], skipping: index == texts.count - 1 ? skip : 0, evaluation).embeddings
        }
        return parts.count == 1 ? parts[0] : evaluation.context.concatenateBatch(parts)
    }

    /// `embeddings` may be empty while measuring.
    @inline(never)
    func unetInputs(
        _ settings: GenerationSettings, embeddings: [Float], with network: UNet, _ evaluation: Evaluation
    ) -> UNetInputs {
        let batch = usesGuidance(settings) ? 2 : 1
        let texts = evaluation.context.tensor(
            Shape(batch: batch, tokens: tokenizer.length, channels: textConfiguration.channels), embeddings)
        let condition = unetConfiguration.conditionChannels.map { channels in
            evaluation.context.tensor(
                Shape(batch: batch, tokens: 1, channels: channels),
                SinusoidalEmbedding.guidance(settings.guidanceScale, count: channels))
        }
        return UNetInputs(text: network.memory(of: texts, evaluation), condition: condition)
    }

    /// The network's answer for one step, guidance applied, channels first. `latents` may be empty while measuring, and the
    /// answer is then.
    @inline(never)
    static func predict(
        _ latents: [Float], _ shape: Shape, _ timestep: Float, _ inputs: UNetInputs, with network: UNet,
        _ settings: GenerationSettings, _ evaluation: Evaluation
    ) -> [Float] {
        let context = evaluation.context
        let batch = inputs.text.batch
        let sample = context.tensor(
            Shape(n: batch, h: shape.h, w: shape.w, c: shape.c),
            channelsFirst: batch == 2 ? latents + latents : latents)
        let output = network(
            sample, timestep: timestep, text: inputs.text, condition: inputs.condition, evaluation)
        guard !context.isMeasuring else { return [] }
        let values = context.channelsFirst(output)
        guard batch == 2 else { return values }
        let half = values.count / 2
        return (0..<half).map { values[$0] + settings.guidanceScale * (values[half + $0] - values[$0]) }
    }

    /// What the encoder says of a picture. `pixels` may be nil while measuring.
    @inline(never)
    func encode(
        _ pixels: PixelBuffer?, _ settings: GenerationSettings, with network: Encoder, _ evaluation: Evaluation
    ) -> Tensor {
        let image = evaluation.context.tensor(Shape(n: 1, h: settings.height, w: settings.width, c: 3))
        pixels?.write(0..<settings.height, into: image)
        return network(image, evaluation)
    }

    /// The picture, `[1, H, W, 3]`, as the decoder gives it. `latents` may be empty while measuring.
    @inline(never)
    func decode(_ latents: [Float], _ shape: Shape, with network: Decoder, _ evaluation: Evaluation) -> Tensor {
        network(scaledLatents(latents, shape, evaluation), evaluation)
    }

    /// Latents as the decoder takes them.
    func scaledLatents(_ latents: [Float], _ shape: Shape, _ evaluation: Evaluation) -> Tensor {
        let factor = decoderConfiguration.scalingFactor
        return evaluation.context.tensor(shape, channelsFirst: latents.map { $0 / factor })
    }

    /// A place to compute: an arena of so many bytes, or a measuring one.
    func evaluation(arenaBytes: Int?) throws(DiffusionError) -> Evaluation {
        do throws(ComputeError) {
            let arena = if let arenaBytes { try Arena(capacity: arenaBytes) } else { Arena() }
            return Evaluation(try Context(arena: arena, pool: pool))
        } catch {
            throw .compute(error)
        }
    }
}

extension PixelBuffer {
    /// A decoder's picture as bytes; nil where some of it is not finite.
    init?(_ image: Tensor) {
        guard let bytes = PixelBuffer.bytes(image) else { return nil }
        self.init(width: image.shape.w, height: image.shape.h, bytes: bytes)
    }

    /// Some rows as an encoder takes them, -1 black, 1 white.
    func write(_ rows: Range<Int>, into target: Tensor) {
        let first = rows.lowerBound * width * 3, samples = target.floats
        for index in samples.indices { samples[index] = Float(bytes[first + index]) / 255 * 2 - 1 }
    }

    /// A decoder's rows as bytes, rounded as diffusers does; nil where some of them are not finite, which bytes would hide.
    static func bytes(_ rows: Tensor) -> [UInt8]? {
        var largest: UInt32 = 0
        let bytes = rows.floats.map { value in
            largest = max(largest, value.magnitude.bitPattern)
            let unit = value / 2 + 0.5
            return UInt8(((unit > 0 ? min(unit, 1) : 0) * 255).rounded(.toNearestOrEven))
        }
        return largest < Float.infinity.bitPattern ? bytes : nil
    }
}
