import Models

/// Stable Diffusion XL (Podell et al., arXiv 2307.01952), its distilled and pruned students: two text encoders side by side, and a
/// UNet whose timesteps also carry the second one's pooled vector and the picture's sizes. diffusers' `StableDiffusionXLPipeline`.
enum StableDiffusionXL: Family {
    static let name = "stable-diffusion-xl"

    static let form = ModelForm(
        components: [
            .init("text_encoder", stem: "model", keepsRows: true),
            .init("text_encoder_2", stem: "model", keepsRows: true), .init("unet", stem: "diffusion_pytorch_model"),
            StableDiffusion.autoencoder,
        ], tokenizers: ["tokenizer", "tokenizer_2"],
        rules: PrecisionRules(
            StableDiffusion.unetRules + [
                // One row a picture.
                .init(component: "unet", tensors: "add_embedding.*", at: [.int8, .int4], precision: .bf16)
            ] + StableDiffusion.autoencoderRules + StableDiffusion.textRules + [
                .init(component: "text_encoder_2", tensors: "*", at: [.int4], precision: .int8)
            ]))

    static func recognizes(_ index: Config) -> Bool { index.has("text_encoder_2") && index.has("unet") }

    static func recipe(_ folder: ModelFolder) throws(ModelError) -> Recipe {
        let clip = ["CLIPTokenizer", "CLIPTokenizerFast"]
        try folder.requireClasses([
            ("text_encoder", ["CLIPTextModel"]), ("text_encoder_2", ["CLIPTextModelWithProjection"]),
            ("tokenizer", clip), ("tokenizer_2", clip), ("unet", ["UNet2DConditionModel"]),
            ("vae", ["AutoencoderKL", "AutoencoderTiny"]),
        ])
        let config = try folder.config("unet")
        let unet = try UNetConfiguration(config)
        let texts = [
            try TextPart(folder, "text_encoder", tokenizer: "tokenizer", skippedLayers: 1),
            try TextPart(folder, "text_encoder_2", tokenizer: "tokenizer_2", skippedLayers: 1, isPooled: true),
        ]
        guard let addition = unet.addition else {
            throw config.refusal("addition_embed_type", "it is missing; 'text_time' is needed beside two text encoders")
        }
        let pooled = texts[1].configuration.projection
        guard addition.inputs == pooled + ConditioningRules.sizeCount * addition.sizeChannels else {
            throw config.refusal(
                "projection_class_embeddings_input_dim",
                "\(addition.inputs) is not the projection_dim \(pooled) of text_encoder_2/config.json and "
                    + "\(ConditioningRules.sizeCount) times addition_time_embed_dim, \(addition.sizeChannels)")
        }
        let schedulers = try SchedulerConfiguration(folder, repairs: false)
        let defaults = try PipelineDefaults(
            latents: unet.sampleSize ?? (128, 128), factor: DecoderConfiguration(folder).factor, steps: 50,
            guidanceScale: 5, schedulers)
        let rules = ConditioningRules(
            zerosForAbsentNegative: try folder.index.bool("force_zeros_for_empty_prompt", default: true),
            hasSizes: true)
        return try Recipe(family: name, folder, texts: texts, rules, unet, schedulers, defaults: defaults)
    }
}
