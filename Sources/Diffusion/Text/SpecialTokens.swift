import Models

/// Which tokens are special, which are added to the vocabulary, and what begins, ends and pads a text: what the small files of a
/// `tokenizer` folder say, brought together as transformers 5 does.
///
/// ```
/// tokenizer_config.json with added_tokens_decoder      decides alone
/// else: tokenizer_config.json  <  special_tokens_map.json       which says roles once more
///       added_tokens.json      <  added_tokens of tokenizer.json
/// ```
/// The added tokens come first, by their ids, then the roles that are not among them, then further special tokens.
///
/// ## Easy to get wrong
/// A token may be written several times, as a string or as an object that says `normalized`. A repetition of something that was said
/// before is skipped, and the last that remains decides.
struct SpecialTokens: Sendable {
    /// Every token that is looked for in a text.
    let added: AddedVocabulary
    let start: Int32, end: Int32, padding: Int32
    /// What stands for a byte that the vocabulary does not have; nil where there is no such token.
    let unknown: Int32?
    /// The token of the largest id, and the place that names it.
    let last: (id: Int32, place: TokenPlace)?

    private static let roles = [
        "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
    ]

    /// - Parameter splitsSpecial: special tokens inside a text are text.
    init(
        _ folder: ModelFolder, _ name: String, _ vocabulary: Vocabulary, _ document: TokenizerDocument?,
        splitsSpecial: Bool
    ) throws(ModelError) {
        var said = try SaidTokens(folder, name, file: "tokenizer_config.json")
        if !said.has("extra_special_tokens") { said.rename("additional_special_tokens", to: "extra_special_tokens") }
        var listed: [Listed]
        if said.has("added_tokens_decoder") {
            listed = try SpecialTokens.decoder(said.source)
        } else {
            said.overlay(try SaidTokens(folder, name, file: "special_tokens_map.json"))
            listed = try SpecialTokens.addedTokens(folder, name, special: said.contents(of: SpecialTokens.roles))
            listed = try SpecialTokens.replacing(listed, by: document)
        }
        if !said.names.contains("extra_special_tokens") {
            said.rename("additional_special_tokens", to: "extra_special_tokens")
        }
        listed.sort { $0.id < $1.id }

        var tokens = listed.map { ($0.token, $0.place) }
        let known = Set(listed.map(\.token.content)), specials = try SpecialTokens.specials(said)
        for (token, _, place) in specials where !known.contains(token.content) {
            if !tokens.contains(where: { $0.0.isRepetition(of: token) }) { tokens.append((token, place)) }
        }
        let named = Set(specials.filter(\.isNamed).map(\.token.content))
        for index in tokens.indices where named.contains(tokens[index].0.content) { tokens[index].0.isSpecial = true }
        added = AddedVocabulary(tokens.map(\.0), to: vocabulary.ids, splitsSpecial: splitsSpecial)
        let ids = added.ids
        for entry in listed {
            guard let id = ids[entry.token.content], id != entry.id else { continue }
            throw entry.place.refusal("its id is \(entry.id), but after those before it the next is \(id)")
        }
        last = tokens.map { (ids[$0.0.content] ?? 0, $0.1) }.max { $0.0 < $1.0 }

        func role(_ name: String) throws(ModelError) -> Int32 {
            guard let content = try said.token(name)?.content, let id = ids[content] else {
                throw said.place(name).refusal("it is null, and no text can do without")
            }
            return id
        }
        start = try role("bos_token")
        end = try role("eos_token")
        padding = try role("pad_token")
        unknown = try said.token("unk_token").flatMap { vocabulary.ids[$0.content] }
    }
}

extension SpecialTokens {
    /// A token with its id, as a file lists it.
    private struct Listed {
        let id: Int32
        let token: AddedToken
        let place: TokenPlace
    }

    /// `added_tokens_decoder`: id to token.
    private static func decoder(_ source: Config) throws(ModelError) -> [Listed] {
        var listed: [Listed] = []
        for (name, value) in try source.object("added_tokens_decoder").members {
            let place = TokenPlace(config: source, field: "added_tokens_decoder.\(name)")
            guard let id = Int32(name), id >= 0 else { throw place.refusal("'\(name)' is not the number of a token") }
            listed.append(Listed(id: id, token: try AddedToken(value, at: place), place: place))
        }
        return listed
    }

    /// `added_tokens.json`: word to id.
    private static func addedTokens(
        _ folder: ModelFolder, _ name: String, special: Set<String>
    ) throws(ModelError) -> [Listed] {
        guard folder.hasFile(name, "added_tokens.json") else { return [] }
        let source = try folder.config(name, "added_tokens.json")
        var listed: [Listed] = []
        for (content, value) in source.members {
            let place = TokenPlace(config: source, field: content)
            guard let id = value.token, !content.isEmpty else {
                throw place.refusal("it is not the number of a token")
            }
            let token = AddedToken(word: content, isSpecial: special.contains(content))
            listed.append(Listed(id: id, token: token, place: place))
        }
        return listed
    }

    /// The tokens with those of `tokenizer.json` in the place of others of the same ids.
    private static func replacing(_ listed: [Listed], by document: TokenizerDocument?) throws(ModelError) -> [Listed] {
        guard let document else { return listed }
        var byID = Dictionary(listed.map { ($0.id, $0) }) { _, last in last }
        for (index, value) in document.addedTokens.enumerated() {
            let place = TokenPlace(config: document.config, field: "added_tokens[\(index)]")
            guard case .object(let members) = value, let id = members["id"]?.token else {
                throw place.refusal("it is not a token with a number, its 'id'")
            }
            byID[id] = Listed(id: id, token: try AddedToken(value, at: place), place: place)
        }
        return Array(byID.values)
    }

    /// The roles in the reference's order, then special tokens of names of their own, then those without a name.
    private static func specials(
        _ said: SaidTokens
    ) throws(ModelError) -> [(token: AddedToken, isNamed: Bool, place: TokenPlace)] {
        var specials: [(AddedToken, Bool, TokenPlace)] = []
        for name in roles + said.names.filter({ $0.hasSuffix("_token") && !roles.contains($0) }) {
            if let token = try said.token(name) { specials.append((token, true, said.place(name))) }
        }
        for (token, isNamed) in try said.extraTokens() {
            specials.append((token, isNamed, said.place("extra_special_tokens")))
        }
        return specials
    }
}

extension JSON {
    /// The number of a token.
    fileprivate var token: Int32? {
        guard case .integer(let integer) = self, integer >= 0 else { return nil }
        return Int32(exactly: integer)
    }
}
