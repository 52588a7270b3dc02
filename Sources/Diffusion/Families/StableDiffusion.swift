import Models

/// Stable Diffusion 1.x and 2.x, their pruned students, and latent consistency models of them: one CLIP text encoder, a UNet that
/// attends to its tokens, and an autoencoder of either kind. diffusers' `StableDiffusionPipeline` and
/// `LatentConsistencyModelPipeline`.
enum StableDiffusion: Family {
    static let name = "stable-diffusion"

    static let form = ModelForm(
        components: [
            .init("text_encoder", stem: "model", keepsRows: true), .init("unet", stem: "diffusion_pytorch_model"),
            autoencoder,
        ], tokenizers: ["tokenizer"], rules: PrecisionRules(unetRules + autoencoderRules + textRules))

    static func recognizes(_ index: Config) -> Bool { !index.has("text_encoder_2") }

    static func recipe(_ folder: ModelFolder) throws(ModelError) -> Recipe {
        try folder.requireClasses([
            ("text_encoder", ["CLIPTextModel", "CLIPTextModelWithProjection"]),
            ("tokenizer", ["CLIPTokenizer", "CLIPTokenizerFast"]), ("unet", ["UNet2DConditionModel"]),
            ("vae", ["AutoencoderKL", "AutoencoderTiny"]),
        ])
        let isLatentConsistency = folder.pipelineClass == "LatentConsistencyModelPipeline"
        try folder.config("unet").require(
            "addition_embed_type", isOneOf: [], "a model with one text encoder has nothing that could be added")
        let unet = try UNetConfiguration(folder.config("unet"))
        let schedulers = try SchedulerConfiguration(folder, repairs: !isLatentConsistency)
        let size = try sampleSize(folder.config("unet"), unet, isRepaired: !isLatentConsistency)
        let defaults = try PipelineDefaults(
            latents: size ?? (64, 64), factor: DecoderConfiguration(folder).factor,
            steps: isLatentConsistency ? 4 : 50, guidanceScale: isLatentConsistency ? 8.5 : 7.5, schedulers)
        return try Recipe(
            family: name, folder, texts: [TextPart(folder, "text_encoder", tokenizer: "tokenizer")],
            ConditioningRules(), unet, schedulers, defaults: defaults)
    }

    /// The UNet's own size in latent pixels, if its file says.
    ///
    /// ## Easy to get wrong
    /// Files from before diffusers 0.9 that say less than 64 are wrong, and diffusers' pipeline repairs them.
    private static func sampleSize(
        _ config: Config, _ unet: UNetConfiguration, isRepaired: Bool
    ) -> (height: Int, width: Int)? {
        if isRepaired, case .integer(..<64)? = config.members["sample_size"],
            case .string(let version)? = config.members["_diffusers_version"]
        {
            let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
            if numbers.count == 2, numbers[0] == 0, numbers[1] < 9 { return (64, 64) }
        }
        return unet.sampleSize
    }
}

// What every Stable Diffusion has in common. The rules were chosen by what they do to the embedded model's pictures (median PSNR
// against fp32 over eight prompts: int8 38.3 dB; int4 28.6 dB, 27.3 without the rules for conv_shortcut, proj_in and proj_out).
extension StableDiffusion {
    /// The autoencoder; its encoder is a part of its own, which only a picture to begin with needs.
    static let autoencoder = ModelForm.Component(
        "vae", stem: "diffusion_pytorch_model", passedOver: ["encoder.", "quant_conv."])

    static let unetRules: [PrecisionRules.Rule] = [
        // Few channels, little work, and every error of them is seen.
        .init(component: "unet", tensors: "conv_in.*", precision: .fp32),
        .init(component: "unet", tensors: "conv_out.*", precision: .fp32),
        // One row a step: their time is nothing, and they steer every block.
        .init(component: "unet", tensors: "time_embedding.*", at: [.int8, .int4], precision: .bf16),
        .init(component: "unet", tensors: "*.time_emb_proj.*", at: [.int4], precision: .int8),
        // What carries a block's input past its middle, a twentieth of SD1.5's weights.
        .init(component: "unet", tensors: "*.conv_shortcut.*", at: [.int4], precision: .int8),
        .init(component: "unet", tensors: "*.proj_in.*", at: [.int4], precision: .int8),
        .init(component: "unet", tensors: "*.proj_out.*", at: [.int4], precision: .int8),
    ]

    static let autoencoderRules: [PrecisionRules.Rule] = [
        // AutoencoderTiny's weights are few, its convolutions are fastest in Winograd's larger tiles, and its ranges would be those of
        // whole images.
        .init(component: "vae", tensors: "decoder.layers.*", precision: .fp32),
        // AutoencoderKL's large images: a third of a decode, a tenth of its weights, and faster by Winograd than as sums of 16 bits.
        .init(
            component: "vae", tensors: "decoder.up_blocks.2.resnets.*", at: [.int8, .int4], precision: .bf16,
            hosts: .withoutByteDots),
        .init(
            component: "vae", tensors: "decoder.up_blocks.3.*", at: [.int8, .int4], precision: .bf16,
            hosts: .withoutByteDots),
        // 4 bits save memory where there is much of it: in the UNet.
        .init(component: "vae", tensors: "*", at: [.int4], precision: .int8),
    ]

    static let textRules: [PrecisionRules.Rule] = [
        .init(component: "text_encoder", tensors: "*", at: [.int4], precision: .int8)
    ]
}
