import Models

/// A token that is looked for in a text before it is cut into words: `<|endoftext|>`, the word of a textual inversion.
///
/// The flags are those of the `tokenizers` library's `AddedToken`.
struct AddedToken: Sendable {
    let content: String
    /// Not found where a letter, a number or an underscore is beside it.
    var isSingleWord = false
    /// White space before it belongs to it, or after it.
    var stripsLeft = false, stripsRight = false
    /// One that `split_special_tokens` does not look for.
    var isSpecial: Bool
    /// Written as a string: the defaults decide about the rest.
    let isPlain: Bool
    private var saysNormalized: Bool?

    /// Looked for in the normalized text, and normalized itself; else in the text as it came.
    var isNormalized: Bool { saysNormalized ?? !isSpecial }

    /// A special token that is written as a string.
    init(_ content: String) {
        self.content = content
        isSpecial = true
        isPlain = true
    }

    /// A word of the vocabulary, as `added_tokens.json` lists them.
    init(word content: String, isSpecial: Bool) {
        self.content = content
        self.isSpecial = isSpecial
        saysNormalized = !isSpecial
        isPlain = false
    }

    /// A token that is written as a string, or as an object with flags.
    ///
    /// - Parameter isSpecial: what the object's place in the files says of that; nil asks the object.
    init(_ value: JSON, at place: TokenPlace, isSpecial: Bool? = nil) throws(ModelError) {
        switch value {
        case .string(let content):
            guard !content.isEmpty else { throw place.refusal("it is empty") }
            self.init(content)
        case .object(let members):
            let flags = Config(file: place.config.file, members: members, path: "\(place.field).")
            let content = try flags.string("content")
            guard !content.isEmpty else { throw flags.refusal("content", "it is empty") }
            let special = try flags.bool("special", default: false)
            self.init(word: content, isSpecial: isSpecial ?? special)
            isSingleWord = try flags.bool("single_word", default: false)
            stripsLeft = try flags.bool("lstrip", default: false)
            stripsRight = try flags.bool("rstrip", default: false)
            saysNormalized = flags.has("normalized") ? try flags.bool("normalized") : nil
        default:
            throw place.refusal("it is \(value.kind), not a token")
        }
    }

    /// Whether both say the same; what is written as a string and what is written as an object never do.
    func isRepetition(of other: AddedToken) -> Bool {
        content == other.content && isPlain == other.isPlain && isSingleWord == other.isSingleWord
            && stripsLeft == other.stripsLeft && stripsRight == other.stripsRight && isSpecial == other.isSpecial
            && isNormalized == other.isNormalized
    }
}

/// Where a file names a token.
struct TokenPlace: Sendable {
    let config: Config
    let field: String

    /// The token, refused with a reason.
    func refusal(_ reason: String) -> ModelError { config.refusal(field, reason) }
}
