import Compute
import Models

/// A picture to latents.
final class EncoderStage: BandedStage {
    let name = StageName.encoder
    let slot: Slot<Encoder>
    private let latents: LatentSpace

    init(_ source: NetworkSource, _ latents: LatentSpace) {
        slot = Slot(source) { (folder, preparation) throws(ModelError) in try Encoder(folder, preparation) }
        self.latents = latents
    }

    func isNeeded(for settings: GenerationSettings) -> Bool { settings.initImage != nil }

    /// What the encoder says of a picture. `pixels` may be nil while measuring.
    @inline(never)
    func encode(
        _ pixels: PixelBuffer?, _ settings: GenerationSettings, with network: Encoder, _ evaluation: Evaluation
    ) -> Tensor {
        let image = evaluation.context.tensor(Shape(n: 1, h: settings.height, w: settings.width, c: 3))
        pixels?.write(0..<settings.height, into: image)
        return network(image, evaluation)
    }

    /// A distribution: means and deviations.
    func listBytes(_ settings: GenerationSettings) -> Int { 6 * latents.shape(settings).byteCount() }

    func measure(_ network: Encoder, _ settings: GenerationSettings, _ evaluation: Evaluation) {
        _ = encode(nil, settings, with: network, evaluation)
    }

    func bands(
        _ settings: GenerationSettings, limitBytes: Int, usesScratch: Bool, pool: ThreadPool
    ) throws(DiffusionError) -> BoundedPlan {
        try slot.loaded().plan(
            height: settings.height, width: settings.width, limitBytes: limitBytes, usesScratch: usesScratch,
            pool: pool)
    }
}
