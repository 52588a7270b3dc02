public import JSONText

/// A JSON document as a value: a `JSONValue` whose members are looked up by name.
///
/// Integers are kept exact. As Python's `json` writes them into model configurations, `NaN`, `Infinity` and `-Infinity` are
/// numbers. A name that appears twice in one object is an error, since nothing says which of the two was meant.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Parses a whole document, UTF-8.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        try self.init(
            JSONValue(
                parsing: bytes, maximumDepth: JSON.maximumDepth, refusesDuplicates: true, allowsNonFinite: true))
    }

    /// Reads and parses a file.
    public init(file path: String) throws(ModelError) {
        self.init(try JSONValue(file: path, refusesDuplicates: true))
    }

    fileprivate static let maximumDepth = 64

    /// A document that was parsed before, without names that appear twice in one object.
    public init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let bool): self = .bool(bool)
        case .number(let number): self = Int(number.text).map(JSON.integer) ?? .number(number.double)
        case .string(let string): self = .string(string)
        case .array(let elements): self = .array(elements.map { JSON($0) })
        case .object(let members):
            self = .object(Dictionary(uniqueKeysWithValues: members.lazy.map { ($0.name, JSON($0.value)) }))
        }
    }

    /// What kind of value this is, for messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

extension JSON {
    /// The document on one line, names sorted.
    public var text: String { written(indent: nil) }

    /// The document over several lines, names sorted, two spaces a level.
    public var indentedText: String { written(indent: 0) }

    private func written(indent: Int?) -> String {
        switch self {
        case .null: "null"
        case .bool(let bool): bool ? "true" : "false"
        case .integer(let integer): String(integer)
        case .number(let number):
            number.isNaN ? "NaN" : number.isInfinite ? (number < 0 ? "-Infinity" : "Infinity") : "\(number)"
        case .string(let string): JSONValue.string(string).description
        case .array(let elements):
            JSON.list(elements.map { $0.written(indent: indent.map { $0 + 1 }) }, "[", "]", indent)
        case .object(let members):
            JSON.list(
                members.sorted { $0.key < $1.key }.map {
                    "\(JSONValue.string($0.key)): \($0.value.written(indent: indent.map { $0 + 1 }))"
                }, "{", "}", indent)
        }
    }

    private static func list(_ parts: [String], _ begin: String, _ end: String, _ indent: Int?) -> String {
        guard let indent, !parts.isEmpty, parts.reduce(0, { $0 + $1.utf8.count }) > 80 else {
            return begin + parts.joined(separator: ", ") + end
        }
        let inner = String(repeating: "  ", count: indent + 1), outer = String(repeating: "  ", count: indent)
        return "\(begin)\n\(inner)\(parts.joined(separator: ",\n\(inner)"))\n\(outer)\(end)"
    }
}

extension JSONValue {
    /// Reads and parses a file, as `JSON(file:)` does, but keeps the members in the file's order. A byte order mark in front is skipped.
    public init(file path: String, refusesDuplicates: Bool = false) throws(ModelError) {
        let file = try MappedFile(path)
        do throws(JSONError) {
            self = try file.withText { bytes throws(JSONError) in
                try JSONValue(
                    parsing: bytes, maximumDepth: JSON.maximumDepth, refusesDuplicates: refusesDuplicates,
                    allowsNonFinite: true)
            }
        } catch {
            throw .malformed(file: path, reason: error.description)
        }
    }
}
