/// The stages of a picture, in the order in which they run.
public enum PipelineStage: String, Hashable, Sendable, CaseIterable, Codable {
    /// The prompt becomes embeddings.
    case textEncoder = "text_encoder"
    /// The picture that the job begins with becomes latents; only where there is one.
    case encoder
    /// The steps from noise to latents.
    case unet
    /// Latents become pixels.
    case decoder
}
