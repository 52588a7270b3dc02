import Models

/// What `tokenizer_config.json` says beside tokens: how long a text may be, and what becomes of one that is longer or shorter.
struct TokenizerSettings: Sendable {
    /// An end of a text.
    enum Side: String, CaseIterable {
        case left, right
    }

    /// Tokens of an encoded text.
    let length: Int
    /// Where a text that is too long loses tokens.
    let truncationSide: Side
    /// Where a text that is too short gets padding.
    let paddingSide: Side
    /// Special tokens inside a text are text.
    let splitsSpecial: Bool

    /// Reads `config`, refusing what would change tokens and CLIP's tokenizer does not do; what it does not say, `document` may.
    ///
    /// - Parameter positions: as many tokens as the text encoder has positions for.
    init(_ config: Config, _ document: TokenizerDocument?, positions: Int) throws(ModelError) {
        length = try TokenizerSettings.length(config, positions)
        truncationSide = try config.choice("truncation_side", default: Side(document?.truncationSide))
        paddingSide = try config.choice("padding_side", default: Side(document?.paddingSide))
        splitsSpecial = try config.bool("split_special_tokens", default: false)
        try config.require(
            "do_lower_case", isOneOf: [.bool(true)], "CLIP's tokenizer always makes lower case of a text")
        for (field, reason) in [
            ("strip_accents", "CLIP's tokenizer keeps accents"), ("add_prefix_space", "CLIP's tokenizer adds no space"),
        ] { try config.require(field, isOneOf: [.bool(false)], reason) }
        for field in ["add_bos_token", "add_eos_token"] {
            try config.require(field, isOneOf: [.bool(true)], "CLIP's tokenizer always adds it")
        }
        try config.require(
            "fast_tokenizer_files", isOneOf: [.array([]), .array([.string("tokenizer.json")])],
            "only 'tokenizer.json' is read")
    }

    /// transformers writes 1e30 where there is no limit; then the text encoder sets one.
    private static func length(_ config: Config, _ positions: Int) throws(ModelError) -> Int {
        let field = config.has("model_max_length") ? "model_max_length" : "max_len"
        if try config.number(field, default: 0) >= 1e20 { return positions }
        return try config.integer(field, default: positions, in: 2...positions)
    }
}

extension TokenizerSettings.Side {
    fileprivate init(_ name: String?) { self = name.flatMap(Self.init) ?? .right }
}
