/// What a stage of a picture is called: in plans, records and errors, which know no more of it.
public struct StageName: RawRepresentable, Hashable, Sendable, Codable {
    /// As records have it.
    public let rawValue: String

    /// A stage's name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The prompt becomes embeddings; a second encoder of a model has the name of its own folder.
    public static let textEncoder = StageName(rawValue: "text_encoder")
    /// The picture that the job begins with becomes latents; only where there is one.
    public static let encoder = StageName(rawValue: "encoder")
    /// The steps from noise to latents.
    public static let unet = StageName(rawValue: "unet")
    /// Latents become pixels.
    public static let decoder = StageName(rawValue: "decoder")
}
