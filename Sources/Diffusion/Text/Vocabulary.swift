import JSONText
import Models

/// The tokens that a text is made of, and their ids: `vocab.json`, or `model.vocab` of a `tokenizer.json`.
struct Vocabulary {
    let ids: [String: Int32]
    let file: String
    /// Where the object is in the file: "" or a field's name with a dot behind.
    let path: String

    /// Reads the members of an object, in GPT-2's printable spelling of bytes.
    init(_ value: JSONValue, file: String, path: String = "") throws(ModelError) {
        guard case .object(let members) = value else {
            throw path.isEmpty
                ? .malformed(file: file, reason: "its document is not an object")
                : .badField(file: file, field: String(path.dropLast()), reason: "it is not an object")
        }
        // Made at once: fifty thousand tokens would be hashed anew whenever they outgrew their table.
        var ids: [String: Int32] = [:]
        ids.reserveCapacity(members.count)
        for member in members {
            guard case .number(let number) = member.value, let id = number.integer(Int32.self), id >= 0 else {
                throw .badField(file: file, field: path + member.name, reason: "it is not the number of a token")
            }
            guard ids.updateValue(id, forKey: member.name) == nil else {
                throw .badField(file: file, field: path + member.name, reason: "it is there twice")
            }
        }
        self.ids = ids
        self.file = file
        self.path = path
    }

    /// One more than the largest id.
    var size: Int { ids.values.reduce(0) { max($0, Int($1) + 1) } }
}

extension Vocabulary {
    /// Reads `vocab.json` of the tokenizer's folder `name`.
    init(_ folder: ModelFolder, _ name: String) throws(ModelError) {
        let file = folder.file(name, "vocab.json")
        try self.init(try JSONValue(file: file), file: file)
    }
}
