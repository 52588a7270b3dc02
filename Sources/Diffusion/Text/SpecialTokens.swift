import Models

/// Tokens that are found in a prompt as they are, before it is cut into words: `<|startoftext|>` and the like.
///
/// ## Easy to get wrong
/// A token may be written several times, as a string or as an object that says `normalized`. As in the reference,
/// `added_tokens_decoder` decides if there is one; else the roles are read in the order below, a repetition of
/// something that was said before is skipped, and the last that remains decides.
struct SpecialTokens: Sendable {
    struct Token: Hashable, Sendable {
        let content: String
        let id: Int32
        /// Looked for in the normalized text, and normalized itself; else in the text as it came.
        let isNormalized: Bool
    }

    /// Every token that is looked for in a prompt, the longest first: at one place the longest match counts.
    let tokens: [Token]
    let start: Int32, end: Int32, padding: Int32, unknown: Int32

    /// Reads `tokenizer_config.json` and the older `special_tokens_map.json`, which goes first where the former has no
    /// `added_tokens_decoder`. What neither says is CLIP's.
    init(_ folder: ModelFolder, vocabulary: [String: Int32], vocabularyFile: String) throws(ModelError) {
        var sources: [Config] = []
        for name in ["tokenizer_config.json", "special_tokens_map.json"] where folder.hasFile("tokenizer", name) {
            sources.append(try folder.config("tokenizer", name))
        }
        let decided = try sources.first.map(SpecialTokens.readDecoder) ?? [:]
        if decided.isEmpty { sources.reverse() }
        var said: [String: [Bool]] = [:]

        func role(_ name: String, _ standard: String) throws(ModelError) -> Int32 {
            var token = (content: standard, isNormalized: false)
            if let source = sources.first(where: { $0.has(name) }), let value = source.members[name] {
                token = try SpecialTokens.token(value, field: name, source)
            }
            if said[token.content, default: []].contains(token.isNormalized) == false {
                said[token.content, default: []].append(token.isNormalized)
            }
            guard let id = vocabulary[token.content] else {
                throw .badField(file: vocabularyFile, field: token.content, reason: "it is missing; it is the \(name)")
            }
            return id
        }
        start = try role("bos_token", "<|startoftext|>")
        end = try role("eos_token", "<|endoftext|>")
        unknown = try role("unk_token", "<|endoftext|>")
        padding = try role("pad_token", "<|endoftext|>")
        let flags = said.compactMapValues(\.last).merging(decided) { _, decided in decided }
        tokens = flags.sorted { ($1.key.utf8.count, $0.key) < ($0.key.utf8.count, $1.key) }
            .compactMap { content, isNormalized in
                let text = isNormalized ? TextNormalizer.normalize(Substring(content)) : content
                return vocabulary[content].map { Token(content: text, id: $0, isNormalized: isNormalized) }
            }
    }

    /// `added_tokens_decoder`: id to token.
    private static func readDecoder(_ source: Config) throws(ModelError) -> [String: Bool] {
        guard case .object(let members) = source.members["added_tokens_decoder"] ?? .null else { return [:] }
        var flags: [String: Bool] = [:]
        for (id, value) in members {
            let token = try token(value, field: "added_tokens_decoder.\(id)", source)
            flags[token.content] = token.isNormalized
        }
        return flags
    }

    /// A token written as a string, or as an object with flags.
    private static func token(
        _ value: JSON, field: String, _ source: Config
    ) throws(ModelError) -> (content: String, isNormalized: Bool) {
        switch value {
        case .string(let content) where !content.isEmpty:
            return (content, false)
        case .object(let members):
            let flags = Config(file: source.file, members: members)
            guard try !flags.bool("single_word", default: false) else {
                throw source.refusal("\(field).single_word", "tokens that must be whole words are not supported")
            }
            let content = try flags.string("content")
            guard !content.isEmpty else { throw source.refusal("\(field).content", "it is empty") }
            return (content, try flags.bool("normalized", default: false))
        default:
            throw source.refusal(field, "it is \(value.kind), not a token")
        }
    }

    enum Piece {
        case text(Substring)
        case token(Int32)
    }

    /// Cuts `text` at the tokens of one kind: pieces of text and tokens in their order.
    func split(_ text: Substring, normalized: Bool) -> [Piece] {
        let candidates = tokens.filter { $0.isNormalized == normalized }
        let firsts = Set(candidates.compactMap(\.content.unicodeScalars.first))
        let scalars = text.unicodeScalars
        var pieces: [Piece] = []
        var start = scalars.startIndex, position = start
        while position < scalars.endIndex {
            guard firsts.contains(scalars[position]),
                let token = candidates.first(where: { scalars[position...].starts(with: $0.content.unicodeScalars) })
            else {
                scalars.formIndex(after: &position)
                continue
            }
            if start < position { pieces.append(.text(Substring(scalars[start..<position]))) }
            pieces.append(.token(token.id))
            position = scalars.index(position, offsetBy: token.content.unicodeScalars.count)
            start = position
        }
        if start < position { pieces.append(.text(Substring(scalars[start..<position]))) }
        return pieces
    }
}
