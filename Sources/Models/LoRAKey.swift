// The names in a LoRA's file. LAYER is a layer's name in the checkpoint, LA_YER the same with every dot an underscore:
//
//   unet.LAYER.lora_A.weight         text_encoder.LAYER.lora_A.weight           down: [rank, inputs] or [rank, inputs, height, width]
//   unet.LAYER.lora_B.weight         text_encoder.LAYER.lora_B.weight           up: [outputs, rank] or [outputs, rank, 1, 1]
//   unet.LAYER.lora.down.weight      text_encoder.LAYER.lora_linear_layer.down.weight         and up
//   lora_unet_LA_YER.lora_down.weight      lora_te_LA_YER.lora_down.weight                    and lora_up
//   ….alpha                                a number, see `LoRAAlphas`
//
// The first two are what peft and diffusers write, the third and fourth diffusers for some layers, the fifth kohya. The layers of a
// text encoder have `text_model.` before them, or not.

/// What a tensor in a LoRA's file is, by its name.
struct LoRAKey {
    /// Which of a layer's tensors.
    enum Role {
        case down, up, alpha
    }

    /// `unet` or `text_encoder`.
    let component: String
    /// The layer, as the file spells it.
    let layer: String
    let role: Role

    /// The layer in the spelling that all share.
    var folded: String { LoRAKey.folded(layer[...]) }

    private static let components = [
        ("unet.", "unet"), ("lora_unet_", "unet"), ("text_encoder.", "text_encoder"), ("lora_te_", "text_encoder"),
    ]
    private static let roles: [(suffix: String, role: Role)] = [
        (".lora_A.weight", .down), (".lora_B.weight", .up), (".lora.down.weight", .down), (".lora.up.weight", .up),
        (".lora_linear_layer.down.weight", .down), (".lora_linear_layer.up.weight", .up),
        (".lora_down.weight", .down), (".lora_up.weight", .up), (".alpha", .alpha),
    ]

    /// Nil for a name of another kind.
    init?(_ name: String) {
        guard let (prefix, component) = LoRAKey.components.first(where: { name.hasPrefix($0.0) }),
            let (suffix, role) = LoRAKey.roles.first(where: { name.hasSuffix($0.suffix) }),
            name.utf8.count > prefix.utf8.count + suffix.utf8.count
        else { return nil }
        self.component = component
        layer = String(name.dropFirst(prefix.count).dropLast(suffix.count))
        self.role = role
    }

    /// A layer's name in the spelling that all share.
    static func folded(_ layer: Substring) -> String {
        let folded = String(layer.map { $0 == "." ? "_" : $0 }), prefix = "text_model_"
        return folded.hasPrefix(prefix) ? String(folded.dropFirst(prefix.count)) : folded
    }
}
