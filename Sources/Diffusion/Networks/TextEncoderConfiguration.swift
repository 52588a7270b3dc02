import Compute
import Models

/// A text encoder's `config.json`; what it leaves out is transformers' `CLIPTextConfig`.
struct TextEncoderConfiguration {
    let vocabulary: Int, positions: Int, channels: Int, hidden: Int, layers: Int, heads: Int
    /// Channels of a text as a whole, where the class projects that.
    let projection: Int
    let epsilon: Double
    let activation: Activation
    let endToken: Int

    private enum HiddenActivation: String, CaseIterable {
        case quickGelu = "quick_gelu"
        case gelu
    }

    init(_ config: Config) throws(ModelError) {
        vocabulary = try config.integer("vocab_size", default: 49_408)
        positions = try config.integer("max_position_embeddings", default: 77, in: 2...65_536)
        channels = try config.integer("hidden_size", default: 512, in: 1...65_536)
        hidden = try config.integer("intermediate_size", default: 2048, in: 1...1_048_576)
        layers = try config.integer("num_hidden_layers", default: 12, in: 1...1024)
        heads = try config.integer("num_attention_heads", default: 8, in: 1...65_536)
        projection = try config.integer("projection_dim", default: 512, in: 1...65_536)
        epsilon = try config.number("layer_norm_eps", default: 1e-5)
        endToken = try config.integer("eos_token_id", default: 49_407, in: 0...(1 << 24))
        let name: HiddenActivation = try config.choice("hidden_act", default: .quickGelu)
        activation = name == .gelu ? .gelu : .quickGelu
        guard channels.isMultiple(of: heads) else {
            throw config.refusal("num_attention_heads", "\(heads) heads do not divide \(channels) channels")
        }
        try config.require(
            "use_attention_mask", isOneOf: [.bool(false)], "a mask over the padding is not supported")
    }
}
