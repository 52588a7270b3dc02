import JSONText
import Models

/// `tokenizer.json`, the one file into which transformers writes a whole tokenizer since its version 5.
///
/// As in transformers, vocabulary, merges, added tokens and sides are read from it; the rest of CLIP's tokenizer is fixed. A file
/// that asks for another rest is refused, field by field.
struct TokenizerDocument {
    /// `model.vocab`.
    let vocabulary: Vocabulary
    /// `model.merges`.
    let merges: JSONValue
    /// `added_tokens`: id and token.
    let addedTokens: [JSON]
    /// Which end is cut, and which is padded, as far as the file says it.
    let truncationSide: String?, paddingSide: String?
    let config: Config

    init(file: String) throws(ModelError) {
        let document = try JSONValue(file: file, refusesDuplicates: true)
        guard case .object(let members) = document else {
            throw .malformed(file: file, reason: "its document is not an object")
        }
        var fields: [String: JSON] = [:]
        for member in members where member.name != "model" { fields[member.name] = JSON(member.value) }
        config = Config(file: file, members: fields)
        guard let model = document["model"], case .object(let parts) = model else {
            throw config.refusal("model", "it is not an object")
        }
        var settings: [String: JSON] = [:]
        for part in parts where !["vocab", "merges"].contains(part.name) { settings[part.name] = JSON(part.value) }
        try TokenizerDocument.requireBytePairs(Config(file: file, members: settings, path: "model."))
        vocabulary = try Vocabulary(model["vocab"] ?? .null, file: file, path: "model.vocab.")
        merges = model["merges"] ?? .null
        try TokenizerDocument.requireCLIP(config)
        switch fields["added_tokens"] ?? .null {
        case .null: addedTokens = []
        case .array(let tokens): addedTokens = tokens
        default: throw config.refusal("added_tokens", "it is not an array")
        }
        truncationSide = try TokenizerDocument.side("truncation", config)
        paddingSide = try TokenizerDocument.side("padding", config)
    }

    private static func side(_ field: String, _ config: Config) throws(ModelError) -> String? {
        guard config.has(field) else { return nil }
        let settings = try config.object(field)
        guard settings.has("direction") else { return nil }
        let side = try settings.string("direction").lowercased()
        guard side == "left" || side == "right" else {
            throw settings.refusal("direction", "it is neither left nor right")
        }
        return side
    }

    /// The model must be the one whose merges `BytePairEncoder` applies.
    private static func requireBytePairs(_ model: Config) throws(ModelError) {
        try model.require("type", isOneOf: [.string("BPE")], "CLIP's tokenizer is a 'BPE' model")
        try model.require("dropout", isOneOf: [.integer(0), .number(0)], "the same text must give the same tokens")
        try model.require("continuing_subword_prefix", isOneOf: [.string("")], "CLIP's tokenizer has none")
        guard try model.string("end_of_word_suffix", default: "") == "</w>" else {
            throw model.refusal("end_of_word_suffix", "CLIP's tokenizer ends words with '</w>'")
        }
        for field in ["fuse_unk", "byte_fallback", "ignore_merges"] {
            try model.require(field, isOneOf: [.bool(false)], "CLIP's tokenizer does not do this")
        }
    }

    /// Clean-up, words and frame must be CLIP's.
    private static func requireCLIP(_ config: Config) throws(ModelError) {
        let normalizers = steps("normalizer", "normalizers", config)
        guard normalizers.map(type) == ["NFC", "Replace", "Lowercase"],
            normalizers[1]["pattern"] == .object(["Regex": .string("\\s+")]), normalizers[1]["content"] == .string(" ")
        else {
            throw config.refusal("normalizer", "it is not CLIP's: NFC, white space to one space, lower case")
        }
        let splitters = steps("pre_tokenizer", "pretokenizers", config)
        guard splitters.map(type) == ["Split", "ByteLevel"],
            patterns.contains(splitters[0]["pattern"] ?? .null), splitters[0]["behavior"] == .string("Removed"),
            splitters[0]["invert"] == .bool(true), splitters[1]["add_prefix_space"] == .bool(false),
            [.null, .bool(true)].contains(splitters[1]["use_regex"] ?? .null)
        else { throw config.refusal("pre_tokenizer", "it does not cut words as CLIP's does") }
        switch config.members["post_processor"] ?? .null {
        case .null: break
        case .object(let members) where type(members) == "RobertaProcessing": break
        case .object(let members) where type(members) == "TemplateProcessing" && isFrame(members["single"] ?? .null):
            break
        default:
            throw config.refusal("post_processor", "CLIP's puts one token before the text, and one behind it")
        }
    }

    /// Words as `WordSplitter` finds them, with and without the special tokens, which were found before.
    private static let patterns = ["<\\|startoftext\\|>|<\\|endoftext\\|>|", ""].map { special in
        JSON.object(["Regex": .string(special + "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+")])
    }

    /// The elements of a sequence of steps.
    private static func steps(_ field: String, _ list: String, _ config: Config) -> [[String: JSON]] {
        guard case .object(let members)? = config.members[field], case .array(let elements)? = members[list] else {
            return []
        }
        return elements.map { if case .object(let members) = $0 { members } else { [:] } }
    }

    private static func type(_ members: [String: JSON]) -> String {
        if case .string(let name)? = members["type"] { name } else { "" }
    }

    /// A template of one token, the text, and one token.
    private static func isFrame(_ template: JSON) -> Bool {
        guard case .array(let parts) = template else { return false }
        let kinds = parts.map { part in
            if case .object(let members) = part { members.keys.sorted() } else { [String]() }
        }
        return kinds == [["SpecialToken"], ["Sequence"], ["SpecialToken"]]
    }
}
