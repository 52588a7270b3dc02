import Compute
import Models

/// Latents to a picture.
final class DecoderStage: BandedStage {
    let name = StageName.decoder
    let slot: Slot<Decoder>
    private let latents: LatentSpace

    init(_ source: NetworkSource, _ latents: LatentSpace) {
        slot = Slot(source) { (folder, preparation) throws(ModelError) in try Decoder(folder, preparation) }
        self.latents = latents
    }

    /// The picture, `[1, H, W, 3]`, as the decoder gives it. `values` may be empty while measuring.
    @inline(never)
    func decode(
        _ values: [Float], _ settings: GenerationSettings, with network: Decoder, _ evaluation: Evaluation
    ) -> Tensor {
        network(scaled(values, settings, evaluation), evaluation)
    }

    /// Latents as the decoder takes them.
    func scaled(_ values: [Float], _ settings: GenerationSettings, _ evaluation: Evaluation) -> Tensor {
        evaluation.context.tensor(latents.shape(settings), channelsFirst: values.map { $0 / latents.scale })
    }

    /// The latents, and the picture's bytes.
    func listBytes(_ settings: GenerationSettings) -> Int {
        2 * latents.shape(settings).byteCount() + 3 * settings.width * settings.height
    }

    func measure(_ network: Decoder, _ settings: GenerationSettings, _ evaluation: Evaluation) {
        _ = decode([], settings, with: network, evaluation)
    }

    func bands(
        _ settings: GenerationSettings, limitBytes: Int, usesScratch: Bool, pool: ThreadPool
    ) throws(DiffusionError) -> BoundedPlan {
        try slot.loaded().plan(
            latents.shape(settings), limitBytes: limitBytes, usesScratch: usesScratch, pool: pool)
    }
}
