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
        let config = try folder.config("vae")
        let weights = try Weights(folder, "vae", preparation)
        switch try DecoderConfiguration(config) {
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

    var weightBytes: WeightBytes {
        switch self {
        case .kl(let decoder): decoder.weightBytes
        case .tiny(let decoder): decoder.weightBytes
        }
    }
}
