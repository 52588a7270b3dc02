import Models

/// Whether a folder's components are known, and belong together.
enum ComponentCheck {
    private static let known = [
        ("text_encoder", ["CLIPTextModel", "CLIPTextModelWithProjection"]),
        ("tokenizer", ["CLIPTokenizer", "CLIPTokenizerFast"]),
        ("unet", ["UNet2DConditionModel"]),
        ("vae", ["AutoencoderKL", "AutoencoderTiny"]),
    ]

    /// `model_index.json` must name classes that latentd runs.
    static func requireKnownClasses(_ folder: ModelFolder) throws(ModelError) {
        for (component, classes) in known {
            let name = try folder.componentClass(component)
            guard classes.contains(name) else {
                let list = classes.map { "'\($0)'" }.joined(separator: " or ")
                throw folder.index.refusal(component, "the class '\(name)' is not supported; \(list) would be")
            }
        }
    }

    /// What one component gives must be what the next one takes.
    static func requireFit(
        _ folder: ModelFolder, unet: UNetConfiguration, text: TextEncoderConfiguration, decoder: DecoderConfiguration,
        tokenizer: Tokenizer
    ) throws(ModelError) {
        let config = try folder.config("unet")
        guard unet.contextChannels == text.channels else {
            throw config.refusal(
                "cross_attention_dim",
                "\(unet.contextChannels) is not the hidden_size \(text.channels) of text_encoder/config.json")
        }
        guard unet.inputs == decoder.latentChannels else {
            throw config.refusal(
                "in_channels", "\(unet.inputs) is not the latent_channels \(decoder.latentChannels) of vae/config.json")
        }
        guard unet.outputs == unet.inputs else {
            throw config.refusal("out_channels", "\(unet.outputs) is not in_channels, \(unet.inputs)")
        }
        guard tokenizer.vocabulary.size <= text.vocabulary else {
            throw try folder.config("text_encoder").refusal(
                "vocab_size",
                "\(text.vocabulary) is less than the \(tokenizer.vocabulary.size) tokens of \(tokenizer.vocabulary.file)"
            )
        }
        if let (id, place) = tokenizer.lastAdded, id >= text.vocabulary {
            throw place.refusal(
                "its id is \(id), and the text encoder has embeddings for ids below \(text.vocabulary) only: "
                    + "the vocab_size of text_encoder/config.json")
        }
    }
}
