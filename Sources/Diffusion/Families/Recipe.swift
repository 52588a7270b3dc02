import Models

/// What a model is: all that opening its stages takes, with nothing opened yet.
public struct Recipe: Sendable {
    /// The architecture, as lists and records call it.
    public let family: String
    /// Settings that the model's own files suggest.
    public let defaults: PipelineDefaults
    /// Whether guidance is an input of the network, which then needs one evaluation a step.
    public var isGuidanceEmbedded: Bool { if case .embedded = guidance { true } else { false } }

    /// The text encoders, in the order in which they run.
    let texts: [TextPart]
    let conditioning: ConditioningRules
    let unet: UNetConfiguration
    let latents: LatentSpace
    let guidance: Guidance
    let schedulers: SchedulerConfiguration

    /// Reads the configurations of a model of any family.
    ///
    /// - Throws: `ModelError` that names the file and the field which latentd cannot run.
    public init(_ folder: ModelFolder) throws(ModelError) {
        self = try Families.family(of: folder.index).recipe(folder)
    }

    /// A model whose parts were read; what one gives must be what the next one takes.
    init(
        family: String, _ folder: ModelFolder, texts: [TextPart], _ conditioning: ConditioningRules,
        _ unet: UNetConfiguration, _ schedulers: SchedulerConfiguration, defaults: PipelineDefaults
    ) throws(ModelError) {
        let decoder = try DecoderConfiguration(folder)
        self.family = family
        self.texts = texts
        self.conditioning = conditioning
        self.unet = unet
        self.schedulers = schedulers
        self.defaults = defaults
        latents = LatentSpace(channels: unet.inputs, factor: decoder.factor, scale: decoder.scalingFactor)
        guidance = unet.conditionChannels.map { Guidance.embedded(channels: $0) } ?? .classifierFree

        let config = try folder.config("unet")
        let channels = texts.reduce(0) { $0 + $1.configuration.channels }
        guard unet.contextChannels == channels else {
            let files = texts.map { "\($0.component)/config.json" }.joined(separator: " and ")
            throw config.refusal(
                "cross_attention_dim", "\(unet.contextChannels) is not the hidden_size \(channels) of \(files)")
        }
        guard unet.inputs == decoder.latentChannels else {
            throw config.refusal(
                "in_channels", "\(unet.inputs) is not the latent_channels \(decoder.latentChannels) of vae/config.json")
        }
        guard unet.outputs == unet.inputs else {
            throw config.refusal("out_channels", "\(unet.outputs) is not in_channels, \(unet.inputs)")
        }
    }
}

/// One text encoder of a model, and what the denoiser is given of it.
struct TextPart: Sendable {
    /// The encoder's folder, and the name of its stage.
    let component: String
    /// Its tokenizer's folder.
    let tokenizer: String
    let configuration: TextEncoderConfiguration
    /// The layers at the end that are left out of the tokens' embeddings where a job does not say.
    let skippedLayers: Int
    /// Whether the denoiser is given each text as a whole, too.
    let isPooled: Bool

    init(
        _ folder: ModelFolder, _ component: String, tokenizer: String, skippedLayers: Int = 0, isPooled: Bool = false
    ) throws(ModelError) {
        self.component = component
        self.tokenizer = tokenizer
        self.skippedLayers = skippedLayers
        self.isPooled = isPooled
        configuration = try TextEncoderConfiguration(folder.config(component))
    }

    /// Reads its tokenizer, whose tokens must all have an embedding.
    func openTokenizer(_ folder: ModelFolder) throws(ModelError) -> Tokenizer {
        let tokenizer = try Tokenizer(folder, tokenizer, encoder: component)
        let vocabulary = tokenizer.vocabulary
        guard vocabulary.size <= configuration.vocabulary else {
            throw try folder.config(component).refusal(
                "vocab_size",
                "\(configuration.vocabulary) is less than the \(vocabulary.size) tokens of \(vocabulary.file)")
        }
        if let (id, place) = tokenizer.lastAdded, id >= configuration.vocabulary {
            throw place.refusal(
                "its id is \(id), and the text encoder has embeddings for ids below \(configuration.vocabulary) only: "
                    + "the vocab_size of \(component)/config.json")
        }
        return tokenizer
    }
}
