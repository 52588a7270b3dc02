import Compute
import Models

/// The private memory that a model's weights will take, from the headers of their files alone: at the least what loading
/// allocates, so that a model which cannot fit is refused before the first byte of it is read.
enum WeightEstimate {
    /// Bytes once all components are loaded: half-precision tensors become floats, and the matrices and filters that the
    /// product kernels read are laid out anew; all else stays mapped.
    static func privateBytes(of folder: ModelFolder) throws(ModelError) -> Int {
        var total = 0
        for component in ["text_encoder", "unet", "vae"] {
            let checkpoint = try folder.checkpoint(component)
            for name in checkpoint.names where !(component == "vae" && isEncoderPart(name)) {
                guard let entry = checkpoint.tensor(name)?.entry else { continue }
                let isPacked = component != "text_encoder" && entry.shape.count > 1 && entry.count > 0
                switch entry.format {
                case .f32 where isPacked, .f16 where isPacked, .bf16 where isPacked:
                    total += WeightPrecision.fp32.packedBytes(
                        outputs: entry.shape[0], inputs: entry.count / entry.shape[0])
                case .f16, .bf16: total += entry.count * 4
                default: break
                }
            }
        }
        return total
    }

    /// What making a picture from latents never touches.
    private static func isEncoderPart(_ name: String) -> Bool {
        name.hasPrefix("encoder.") || name.hasPrefix("quant_conv.")
    }
}
