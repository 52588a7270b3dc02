import Models

/// CLIP's tokenizer: the same ids as transformers' `CLIPTokenizer` for any text.
///
/// ```
/// prompt ─► added tokens found as they are ─► clean-up ─► added tokens found again ─► words ─► bytes ─► merged pairs
///        ─► <start> at most `length - 2` tokens <end> <padding> …
/// ```
/// ## Easy to get wrong
/// Which token pads, and whether a token inside the prompt is special, is the folder's business: SD 2.x pads with `!`, and
/// therefore finds `!` as a special token in every prompt.
public struct Tokenizer: Sendable {
    /// Tokens of an encoded prompt, padding included.
    public let length: Int
    /// What fills the rest.
    public var paddingToken: Int { Int(special.padding) }
    /// What ends the text.
    public var endToken: Int { Int(special.end) }

    /// The vocabulary's file, and one more than its largest id.
    let vocabulary: (file: String, size: Int)
    /// The added token of the largest id, which may lie beyond the vocabulary.
    var lastAdded: (id: Int32, place: TokenPlace)? { special.last }
    private let settings: TokenizerSettings
    private let special: SpecialTokens
    private let encoder: BytePairEncoder

    /// Reads a tokenizer's folder: `tokenizer.json` where there is one, else `vocab.json` and `merges.txt`; and the small files beside
    /// them that say which tokens are special and how long a text may be.
    ///
    /// - Parameter encoder: the text encoder that it belongs to, whose positions are the most tokens.
    public init(
        _ folder: ModelFolder, _ name: String = "tokenizer", encoder: String = "text_encoder"
    ) throws(ModelError) {
        let document =
            folder.hasFile(name, "tokenizer.json")
            ? try TokenizerDocument(file: folder.file(name, "tokenizer.json")) : nil
        let positions = try folder.config(encoder).integer("max_position_embeddings", default: 77, in: 2...65_536)
        let config =
            folder.hasFile(name, "tokenizer_config.json")
            ? try folder.config(name, "tokenizer_config.json")
            : Config(file: folder.file(name, "tokenizer_config.json"), members: [:])
        settings = try TokenizerSettings(config, document, positions: positions)
        length = settings.length
        let vocabulary = if let document { document.vocabulary } else { try Vocabulary(folder, name) }
        self.vocabulary = (vocabulary.file, vocabulary.size)
        special = try SpecialTokens(folder, name, vocabulary, document, splitsSpecial: settings.splitsSpecial)
        self.encoder =
            if let document {
                try BytePairEncoder(document, unknown: special.unknown)
            } else {
                try BytePairEncoder(
                    vocabulary, mergesFile: folder.file(name, "merges.txt"), unknown: special.unknown)
            }
    }

    /// The ids of a prompt: exactly `length` of them.
    public func encode(_ prompt: String) -> [Int] {
        let room = max(length - 2, 0)
        var ids: [Int32] = []
        scan(prompt) { token, _ in
            ids.append(token)
            return settings.truncationSide == .left || ids.count < room
        }
        ids = [special.start] + (settings.truncationSide == .left ? ids.suffix(room) : ids.prefix(room)) + [special.end]
        let padding = Array(repeating: Int(special.padding), count: length - ids.count)
        return settings.paddingSide == .left ? padding + ids.map(Int.init) : ids.map(Int.init) + padding
    }

    /// What `encode` leaves out of a prompt that is too long: the words as the tokens say them, cleaned up, and the number of
    /// tokens; nil where everything has room.
    public func removedPart(of prompt: String) -> (words: String, tokens: Int)? {
        var texts: [[UInt8]] = []
        scan(prompt) { _, text in
            texts.append(text)
            return true
        }
        let removed = texts.count - max(length - 2, 0)
        guard removed > 0 else { return nil }
        let part = settings.truncationSide == .left ? texts.prefix(removed) : texts.suffix(removed)
        let words = String(decoding: part.joined(), as: UTF8.self)
        return (words.split(separator: " ").joined(separator: " "), removed)
    }

    /// Hands over token after token, with the text that each stands for, until `take` has enough: a long prompt costs no more than its
    /// beginning. The last token of a word brings a space.
    private func scan(_ prompt: String, _ take: (Int32, [UInt8]) -> Bool) {
        for raw in special.added.split(prompt[...], normalized: false) {
            guard case .text(let text) = raw else {
                if case .token(let id) = raw, !take(id, Array(special.added.content(of: id).utf8)) { return }
                continue
            }
            for piece in special.added.split(TextNormalizer.normalize(text)[...], normalized: true) {
                switch piece {
                case .token(let id):
                    if !take(id, Array(special.added.content(of: id).utf8)) { return }
                case .text(let words):
                    for word in WordSplitter(words) {
                        var rest = Array(word.utf8)[...]
                        for id in encoder.encode(word.utf8) {
                            let text = rest.prefix(encoder.byteCount(id))
                            rest = rest.dropFirst(text.count)
                            if !take(id, text + (rest.isEmpty ? [UInt8(ascii: " ")] : [])) { return }
                        }
                    }
                }
            }
        }
    }
}
