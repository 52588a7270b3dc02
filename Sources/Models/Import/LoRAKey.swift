// The names in a LoRA's file. LAYER is a layer's name in the checkpoint, LA_YER the same with every dot an underscore:
//
//   unet.LAYER.lora_A.weight         text_encoder.LAYER.lora_A.weight           down: [rank, inputs] or [rank, inputs, height, width]
//   unet.LAYER.lora_B.weight         text_encoder.LAYER.lora_B.weight           up: [outputs, rank] or [outputs, rank, 1, 1]
//   unet.LAYER.lora.down.weight      text_encoder.LAYER.lora_linear_layer.down.weight         and up
//   unet.ATTENTION.processor.to_q_lora.down.weight            the layer is ATTENTION.to_q; to_out_lora is to_out.0
//   text_encoder.ATTENTION.to_q_lora.down.weight              the layer is ATTENTION.q_proj; to_out_lora is out_proj
//   lora_unet_LA_YER.lora_down.weight      lora_te_LA_YER.lora_down.weight, lora_te1_, lora_te2_         and lora_up
//   text_encoder_2.LAYER....               of a model with two text encoders
//   base_model.model.LAYER.lora_A.weight   diffusion_model.LAYER.lora_A.weight
//   ….alpha                                a number, see `LoRAAlphas`
//
// The first two are what peft and diffusers write, the third to fifth older versions of diffusers, the sixth kohya, the last two peft by
// itself and ComfyUI. A layer without any of the prefixes is looked for in both networks. Names of a text encoder's layers may begin with
// `text_model.`; a UNet's layers may have the names of the original code, see `LDMNames`.

/// What a tensor in a LoRA's file is, by its name.
struct LoRAKey {
    /// Which of a layer's tensors.
    enum Role {
        case down, up, alpha
    }

    /// `unet`, `text_encoder` or `text_encoder_2`; the first two where the name does not say it.
    let components: [String]
    /// The layer, as the file spells it.
    let layer: String
    let role: Role
    /// The layer in the one spelling that all others are brought to.
    let folded: String

    private static let prefixes = [
        ("unet.", ["unet"]), ("lora_unet_", ["unet"]), ("model.diffusion_model.", ["unet"]),
        ("diffusion_model.", ["unet"]),
        ("text_encoder.", ["text_encoder"]), ("lora_te_", ["text_encoder"]), ("lora_te1_", ["text_encoder"]),
        ("text_encoder_2.", ["text_encoder_2"]), ("lora_te2_", ["text_encoder_2"]),
        ("", ["unet", "text_encoder"]),
    ]
    private static let roles: [(suffix: String, role: Role)] = [
        (".lora_A.weight", .down), (".lora_B.weight", .up), (".lora_A.default.weight", .down),
        (".lora_B.default.weight", .up), (".lora.down.weight", .down), (".lora.up.weight", .up),
        (".lora_linear_layer.down.weight", .down), (".lora_linear_layer.up.weight", .up),
        (".lora_down.weight", .down), (".lora_up.weight", .up), ("_lora.down.weight", .down), ("_lora.up.weight", .up),
        ("_lora.alpha", .alpha), (".alpha", .alpha),
    ]
    private static let wrapper = "base_model.model."

    /// Nil for a name that has none of these forms.
    init?(_ name: String) {
        var rest = name[...]
        func drop(_ prefix: String) { if rest.hasPrefix(prefix) { rest = rest.dropFirst(prefix.count) } }
        drop(Self.wrapper)
        guard let (prefix, components) = Self.prefixes.first(where: { rest.hasPrefix($0.0) }),
            let (suffix, role) = Self.roles.first(where: { rest.hasSuffix($0.suffix) }),
            rest.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        drop(prefix)
        drop(Self.wrapper)
        self.components = components
        layer = String(rest.dropLast(suffix.count))
        self.role = role
        var folded = Self.folded(layer[...]).replacing("_processor_", with: "_")
        if suffix.hasPrefix("_lora") {
            guard
                folded.hasSuffix("_to_q") || folded.hasSuffix("_to_k") || folded.hasSuffix("_to_v")
                    || folded.hasSuffix("_to_out")
            else { return nil }
            if folded.contains("self_attn_to_") {
                folded = folded.replacing("self_attn_to_", with: "self_attn_") + "_proj"
            } else if folded.hasSuffix("_to_out") {
                folded += "_0"
            }
        }
        self.folded = folded
    }

    /// A layer's name in the one spelling that all others are brought to.
    static func folded(_ layer: Substring) -> String {
        let folded = String(layer.map { $0 == "." ? "_" : $0 }), prefix = "text_model_"
        return folded.hasPrefix(prefix) ? String(folded.dropFirst(prefix.count)) : folded
    }
}
