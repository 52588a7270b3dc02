import JSONText

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
