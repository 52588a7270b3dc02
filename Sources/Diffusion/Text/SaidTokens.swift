import JSONText
import Models

/// What `tokenizer_config.json` and `special_tokens_map.json` say of tokens by name: of their roles, and of further special ones.
struct SaidTokens {
    /// The first file.
    let source: Config
    /// The names of all fields, in their order.
    private(set) var names: [String] = []
    private var fields: [String: (value: JSON, source: Config)] = [:]

    /// What is said where no file speaks of it.
    private static let standard = [
        "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
    ]
    private static let extra = "extra_special_tokens"

    /// Reads a file of the tokenizer's folder `name`; nothing is said where it is not there.
    init(_ folder: ModelFolder, _ name: String, file: String) throws(ModelError) {
        let path = folder.file(name, file)
        guard folder.hasFile(name, file) else {
            source = Config(file: path, members: [:])
            return
        }
        let document = try JSONValue(file: path, refusesDuplicates: true)
        guard case .object(let list) = document, case .object(let members) = JSON(document) else {
            throw .malformed(file: path, reason: "its document is not an object")
        }
        source = Config(file: path, members: members)
        names = list.map(\.name)
        for (name, value) in members { fields[name] = (value, source) }
    }

    /// Whether a field says something.
    func has(_ name: String) -> Bool {
        switch fields[name]?.value ?? .null {
        case .null, .array([]), .object([:]): false
        default: true
        }
    }

    /// Gives a field another name.
    mutating func rename(_ old: String, to new: String) {
        guard let field = fields.removeValue(forKey: old) else { return }
        if fields.updateValue(field, forKey: new) != nil { names.removeAll { $0 == new } }
        names = names.map { $0 == old ? new : $0 }
    }

    /// Lets another file say more, and the last word; lists of further special tokens are joined.
    mutating func overlay(_ other: SaidTokens) {
        for name in other.names {
            guard var field = other.fields[name] else { continue }
            if name == Self.extra, case .array(let own)? = fields[name]?.value, case .array(let others) = field.value {
                field.value = .array(own + others.filter { !own.contains($0) })
            }
            if fields[name] == nil { names.append(name) }
            fields[name] = field
        }
    }

    /// Where a field is.
    func place(_ name: String) -> TokenPlace { TokenPlace(config: fields[name]?.source ?? source, field: name) }

    /// The token of a name: the standard one where no file speaks of it. Nil where it is null, or is no token.
    func token(_ name: String) throws(ModelError) -> AddedToken? {
        guard let field = fields[name] else { return Self.standard[name].map { AddedToken($0) } }
        if field.value == .null { return nil }
        if case .bool = field.value, Self.standard[name] == nil { return nil }
        return try token(field.value, place(name))
    }

    /// `extra_special_tokens`: a list of tokens, or an object of named ones.
    func extraTokens() throws(ModelError) -> [(token: AddedToken, isNamed: Bool)] {
        let place = place(Self.extra)
        switch fields[Self.extra]?.value ?? .null {
        case .null: return []
        case .array(let elements):
            return try elements.map { (element) throws(ModelError) in (try token(element, place), false) }
        case .object(let members):
            return try members.sorted { $0.key < $1.key }.map { (own, value) throws(ModelError) in
                (try token(value, TokenPlace(config: place.config, field: "\(Self.extra).\(own)")), true)
            }
        case let other: throw place.refusal("it is \(other.kind), not a list of tokens")
        }
    }

    /// What the tokens of some names, and those without a name, are: as far as a file says it.
    func contents(of names: [String]) throws(ModelError) -> Set<String> {
        var contents = Set(try extraTokens().map(\.token.content))
        for name in names where has(name) {
            if let token = try token(name) { contents.insert(token.content) }
        }
        return contents
    }

    /// An object of `special_tokens_map.json` is a special token, whatever it says itself.
    private func token(_ value: JSON, _ place: TokenPlace) throws(ModelError) -> AddedToken {
        try AddedToken(value, at: place, isSpecial: place.config.file == source.file ? nil : true)
    }
}
