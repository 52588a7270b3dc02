import JSONText
import Models

/// CLIP's tokenizer: the same ids as transformers' `CLIPTokenizer` for any text.
///
/// ```
/// prompt ─► special tokens found as they are ─► clean-up ─► special tokens found again ─► words ─► bytes ─► merged pairs
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
    /// Tokens that the vocabulary has; ids are below.
    public let vocabularySize: Int

    private let special: SpecialTokens
    private let encoder: BytePairEncoder

    /// Reads `tokenizer/vocab.json`, `merges.txt` and what says how long a text may be.
    public init(_ folder: ModelFolder) throws(ModelError) {
        let file = folder.file("tokenizer", "vocab.json")
        let ids = try Tokenizer.vocabulary(file)
        vocabularySize = ids.values.reduce(0) { max($0, Int($1) + 1) }
        special = try SpecialTokens(folder, vocabulary: ids, vocabularyFile: file)
        encoder = try BytePairEncoder(
            vocabulary: ids, mergesFile: folder.file("tokenizer", "merges.txt"), unknown: special.unknown)
        let positions = try folder.config("text_encoder").integer(
            "max_position_embeddings", default: 77, in: 2...65_536)
        if folder.hasFile("tokenizer", "tokenizer_config.json") {
            let config = try folder.config("tokenizer", "tokenizer_config.json")
            length = try config.integer("model_max_length", default: positions, in: 2...positions)
        } else {
            length = positions
        }
    }

    /// The id of each token.
    private static func vocabulary(_ file: String) throws(ModelError) -> [String: Int32] {
        guard case .object(let members) = try JSONValue(file: file) else {
            throw .malformed(file: file, reason: "its document is not an object")
        }
        // Made at once: fifty thousand tokens would be hashed anew whenever they outgrew their table.
        var ids: [String: Int32] = [:]
        ids.reserveCapacity(members.count)
        for member in members {
            guard case .number(let number) = member.value, let id = number.integer(Int32.self), id >= 0 else {
                throw .badField(file: file, field: member.name, reason: "it is not the number of a token")
            }
            guard ids.updateValue(id, forKey: member.name) == nil else {
                throw .badField(file: file, field: member.name, reason: "it is there twice")
            }
        }
        return ids
    }

    /// The ids of a prompt: exactly `length` of them.
    public func encode(_ prompt: String) -> [Int] {
        var ids = [special.start]
        scan(prompt) { token in
            ids.append(token)
            return ids.count < length - 1
        }
        ids.append(special.end)
        return ids.map(Int.init) + Array(repeating: Int(special.padding), count: length - ids.count)
    }

    /// True when `encode` has to leave out the end of the prompt.
    public func truncates(_ prompt: String) -> Bool {
        var count = 0
        scan(prompt) { _ in
            count += 1
            return count <= length - 2
        }
        return count > length - 2
    }

    /// Hands over token after token until `take` has enough: a long prompt costs no more than its beginning.
    private func scan(_ prompt: String, _ take: (Int32) -> Bool) {
        guard length > 2 else { return }
        for raw in special.split(prompt[...], normalized: false) {
            guard case .text(let text) = raw else {
                if case .token(let id) = raw, !take(id) { return }
                continue
            }
            for piece in special.split(TextNormalizer.normalize(text)[...], normalized: true) {
                switch piece {
                case .token(let id):
                    if !take(id) { return }
                case .text(let words):
                    for word in WordSplitter(words) {
                        for id in encoder.encode(word.utf8) where !take(id) { return }
                    }
                }
            }
        }
    }
}
