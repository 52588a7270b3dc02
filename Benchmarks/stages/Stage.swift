import Compute
import Diffusion
import Models

/// What a picture consists of, as far as it takes time.
package enum Stage: String, CaseIterable, Sendable {
    /// One prompt through the text encoder.
    case text
    /// One evaluation of the UNet for one picture without guidance.
    case unet1 = "unet b1"
    /// The same with guidance: a batch of two.
    case unet2 = "unet b2"
    /// Latents to pixels.
    case decode
    /// Pixels to latents.
    case encode

    /// Loads the network, and gives the computation over inputs of the stage's shapes.
    ///
    /// - Parameter size: the side of the picture in pixels.
    package func load(_ folder: ModelFolder, size: Int, _ preparation: Preparation) throws -> (Evaluation) -> Tensor {
        let side = size / (try Recipe(folder)).defaults.sizeFactor
        let tokens = try folder.config("text_encoder").integer("max_position_embeddings", default: 77)
        switch self {
        case .text:
            let network = try TextEncoder(folder, preparation)
            return { network([Array(0..<tokens)], $0).embeddings }
        case .unet1, .unet2:
            let network = try UNet(folder, preparation)
            let batch = self == .unet1 ? 1 : 2
            let sample = Noise(Shape(n: batch, h: side, w: side, c: network.channels))
            let context = Noise(Shape(batch: batch, tokens: tokens, channels: network.contextChannels))
            let condition = network.conditionChannels.map { Noise(Shape(batch: batch, tokens: 1, channels: $0)) }
            return { evaluation in
                // A picture makes the text's keys and values once; they count here as in any other engine's forward pass.
                network(
                    sample.tensor(evaluation), timestep: 500,
                    text: network.memory(of: context.tensor(evaluation), evaluation),
                    condition: condition?.tensor(evaluation), evaluation)
            }
        case .decode:
            let network = try Decoder(folder, preparation)
            let channels = try folder.config("vae").integer("latent_channels")
            let latents = Noise(Shape(n: 1, h: side, w: side, c: channels))
            return { network(latents.tensor($0), $0) }
        case .encode:
            let network = try Encoder(folder, preparation)
            let picture = Noise(Shape(n: 1, h: size, w: size, c: 3))
            return { network(picture.tensor($0), $0) }
        }
    }
}

/// An input: numbers that spread as real ones do, since a layer's time may depend on what they are.
private struct Noise {
    private let shape: Shape
    private let values: [Float]

    init(_ shape: Shape) {
        self.shape = shape
        var random = RandomSourceKind.latentd.source(seed: 1)
        values = random.normals(shape.count)
    }

    func tensor(_ evaluation: Evaluation) -> Tensor { evaluation.context.tensor(shape, values) }
}
