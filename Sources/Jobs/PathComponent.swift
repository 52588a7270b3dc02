/// What any name must satisfy before a path is made from it.
enum PathComponent {
    /// Why `text` is no safe component of at most `maximumLength` bytes, or nil when it is one.
    static func problem(with text: String, maximumLength: Int) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.count > maximumLength { return "is longer than \(maximumLength) bytes" }
        if text.unicodeScalars.first == "." { return "begins with a dot" }
        if text.unicodeScalars.contains("/") { return "contains a slash: a name is asked for, not a path" }
        if !text.unicodeScalars.allSatisfy(isAllowed) { return "contains a control character" }
        return nil
    }

    /// Whether a new name may contain `scalar`: allowed, and no character that cannot be seen or that turns others around.
    static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        isAllowed(scalar) && scalar.properties.generalCategory != .format
    }

    /// Whether a component may contain `scalar`: no slash, and nothing that would break a line of a log or a terminal.
    static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        default: scalar != "/"
        }
    }
}
