import Compute
import Models

/// The way from a picture to latents: one of the autoencoders' encoders.
public enum Encoder {
    /// `AutoencoderKL`.
    case kl(KLEncoder)
    /// `AutoencoderTiny`.
    case tiny(TinyEncoder)

    /// Loads the encoder's part of the component `vae`; nothing of the decoder's is read.
    public init(_ folder: ModelFolder, _ preparation: Preparation = Preparation()) throws(ModelError) {
        let config = try folder.config("vae")
        let weights = try Weights(folder, "vae", part: "encoder", preparation)
        switch try EncoderConfiguration(config) {
        case .kl(let kl): self = .kl(try KLEncoder(weights, kl))
        case .tiny(let tiny): self = .tiny(try TinyEncoder(weights, tiny))
        }
        weights.ignore { $0.hasPrefix("decoder.") || $0.hasPrefix("post_quant_conv.") }
        try weights.finish()
    }

    /// What the network gives for a picture, `[B, H, W, 3]`, -1 black, 1 white: `[B, h, w, N]`, for `EncodedLatents`.
    public func callAsFunction(_ image: Tensor, _ evaluation: Evaluation) -> Tensor {
        switch self {
        case .kl(let encoder): encoder(image, evaluation)
        case .tiny(let encoder): encoder(image, evaluation)
        }
    }

    var weightBytes: WeightBytes {
        switch self {
        case .kl(let encoder): encoder.weightBytes
        case .tiny(let encoder): encoder.weightBytes
        }
    }
}
