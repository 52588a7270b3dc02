import Compute
import Models

/// Noise to latents: one evaluation of the network a step, guidance applied.
final class DenoiserStage: Stage {
    let name = StageName.unet
    let slot: Slot<UNet>
    private let latents: LatentSpace
    private let guidance: Guidance
    private let text: (tokens: Int, channels: Int)

    init(_ source: NetworkSource, _ latents: LatentSpace, _ guidance: Guidance, text: (tokens: Int, channels: Int)) {
        slot = Slot(source) { (folder, preparation) throws(ModelError) in try UNet(folder, preparation) }
        self.latents = latents
        self.guidance = guidance
        self.text = text
    }

    /// What every evaluation gets beside the sample.
    struct Inputs {
        let text: TextMemory
        let condition: Tensor?
        let addition: Tensor?
    }

    /// What the network makes of a conditioning once a picture; nil while measuring.
    @inline(never)
    func inputs(
        _ settings: GenerationSettings, _ conditioning: Conditioning?, with network: UNet, _ evaluation: Evaluation
    ) -> Inputs {
        let batch = guidance.evaluations(settings)
        let texts = evaluation.context.tensor(
            Shape(batch: batch, tokens: text.tokens, channels: text.channels), conditioning?.sequence ?? [])
        var condition: Tensor?
        if case .embedded(let channels) = guidance {
            condition = evaluation.context.tensor(
                Shape(batch: batch, tokens: 1, channels: channels),
                SinusoidalEmbedding.guidance(settings.guidanceScale, count: channels))
        }
        let addition = network.addition(
            conditioning?.pooled ?? [], conditioning?.sizes ?? [], batch: batch, evaluation)
        return Inputs(text: network.memory(of: texts, evaluation), condition: condition, addition: addition)
    }

    /// The network's answer for one step, channels first. `latents` may be empty while measuring, and the answer is then.
    @inline(never)
    func predict(
        _ latents: [Float], _ timestep: Float, _ inputs: Inputs, with network: UNet, _ settings: GenerationSettings,
        _ evaluation: Evaluation
    ) -> [Float] {
        let context = evaluation.context, shape = self.latents.shape(settings)
        let batch = inputs.text.batch
        let sample = context.tensor(
            Shape(n: batch, h: shape.h, w: shape.w, c: shape.c),
            channelsFirst: batch == 2 ? latents + latents : latents)
        let output = network(
            sample, timestep: timestep, text: inputs.text, condition: inputs.condition, addition: inputs.addition,
            evaluation)
        guard !context.isMeasuring else { return [] }
        let values = context.channelsFirst(output)
        guard batch == 2 else { return values }
        let half = values.count / 2
        return (0..<half).map { values[$0] + settings.guidanceScale * (values[half + $0] - values[$0]) }
    }

    /// Noise, latents, and the batch's input and output with their copies.
    func listBytes(_ settings: GenerationSettings) -> Int { 12 * latents.shape(settings).byteCount() }

    func measure(_ network: UNet, _ settings: GenerationSettings, _ evaluation: Evaluation) {
        let inputs = inputs(settings, nil, with: network, evaluation)
        _ = predict([], 0, inputs, with: network, settings, evaluation)
    }
}
