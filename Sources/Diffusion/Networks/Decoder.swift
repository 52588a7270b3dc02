import Compute
import Models

/// The way from latents to a picture: one of the autoencoders' decoders.
public enum Decoder {
    /// `AutoencoderKL`.
    case kl(KLDecoder)
    /// `AutoencoderTiny`.
    case tiny(TinyDecoder)

    /// Loads the component `vae`.
    public init(_ folder: ModelFolder, _ preparation: Preparation = Preparation()) throws(ModelError) {
        let weights = try Weights(folder, "vae", preparation)
        switch try DecoderConfiguration(folder) {
        case .kl(let kl): self = .kl(try KLDecoder(weights, kl))
        case .tiny(let tiny): self = .tiny(try TinyDecoder(weights, tiny))
        }
        // This is the way back only.
        weights.ignore { $0.hasPrefix("encoder.") || $0.hasPrefix("quant_conv.") }
        try weights.finish()
    }

    /// The picture of latents that were divided by the scaling factor: `[B, h, w, C]` to `[B, H, W, 3]`, -1 black, 1 white.
    public func callAsFunction(_ latents: Tensor, _ evaluation: Evaluation) -> Tensor {
        switch self {
        case .kl(let decoder): decoder(latents, evaluation)
        case .tiny(let decoder): decoder(latents, evaluation)
        }
    }

    /// The same within the memory of a plan that was made for latents of this shape, `[1, h, w, C]`: `body` is given the picture's rows
    /// from top to bottom, `[1, rows, W, 3]`, and the first one's number.
    ///
    /// - Parameters:
    ///   - scratchDirectory: where what does not fit into memory is kept.
    ///   - check: is asked now and then whether to go on.
    public func callAsFunction(
        _ latents: Tensor, within plan: BoundedPlan, scratchDirectory: String?, _ evaluation: Evaluation,
        check: @escaping () throws(DiffusionError) -> Void = { () throws(DiffusionError) in },
        _ body: (Tensor, Int) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        let run = BoundedRun(plan.parameters, scratchDirectory: scratchDirectory, evaluation, check: check)
        try decode(latents, run, body)
    }

    /// The fastest way to decode latents of a shape, `[1, h, w, C]`, within `limitBytes` of memory: arena and mapped weights.
    ///
    /// - Parameter usesScratch: whether a scratch file may be used.
    /// - Throws: `DiffusionError.insufficientMemory` with the least that would do.
    public func plan(
        _ shape: Shape, limitBytes: Int, usesScratch: Bool, pool: ThreadPool
    ) throws(DiffusionError) -> BoundedPlan {
        let bands =
            switch self {
            case .kl: BoundedPlan.bandsOfManyWeights
            case .tiny: BoundedPlan.bandsOfAllLayers
            }
        return try BoundedPlan.fastest(
            .decoder, limitBytes: limitBytes, bands: bands, usesScratch: usesScratch, pool: pool
        ) { (run) throws(DiffusionError) in
            try decode(run.context.tensor(shape), run) { (_, _) throws(DiffusionError) in }
        }
    }

    private func decode(
        _ latents: Tensor, _ run: BoundedRun, _ body: (Tensor, Int) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        switch self {
        case .kl(let decoder): try decoder(latents, run, body)
        case .tiny(let decoder): try decoder(latents, run, body)
        }
    }

    var weightBytes: WeightBytes {
        switch self {
        case .kl(let decoder): decoder.weightBytes
        case .tiny(let decoder): decoder.weightBytes
        }
    }
}
