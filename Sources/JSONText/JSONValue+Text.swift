extension JSONValue: CustomStringConvertible {
    /// The value on one line.
    public var description: String { text(indented: false) }

    /// The value as JSON text; indented by two spaces a level for people, or on one line for programs.
    public func text(indented: Bool) -> String {
        var text = ""
        write(to: &text, lineBreak: indented ? "\n" : nil)
        return text
    }

    private func write(to text: inout String, lineBreak: String?) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .number(let number): text += number.text
        case .string(let string): Self.write(string, to: &text)
        case .array(let values):
            Self.write(values, between: "[", "]", to: &text, lineBreak: lineBreak) { value, text, lineBreak in
                value.write(to: &text, lineBreak: lineBreak)
            }
        case .object(let members):
            Self.write(members, between: "{", "}", to: &text, lineBreak: lineBreak) { member, text, lineBreak in
                Self.write(member.name, to: &text)
                text += lineBreak == nil ? ":" : ": "
                member.value.write(to: &text, lineBreak: lineBreak)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item], between open: String, _ close: String, to text: inout String, lineBreak: String?,
        each: (Item, inout String, String?) -> Void
    ) {
        let inner = items.isEmpty ? nil : lineBreak.map { $0 + "  " }
        text += open
        for (index, item) in items.enumerated() {
            text += (index > 0 ? "," : "") + (inner ?? "")
            each(item, &text, inner)
        }
        text += (items.isEmpty ? nil : lineBreak).map { $0 + close } ?? close
    }

    private static func write(_ string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\0"..."\u{1F}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
