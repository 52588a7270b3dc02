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

/// What a path inside the spool must satisfy before anything is opened.
public enum SpoolPath {
    static let maximumLength = 512

    /// Why `text` is no path of a file below one of `folders`, or nil when it is one: at least two names that are safe each, so none of
    /// them `..`, and none empty, so no `/` in front.
    static func problem(with text: String, folders: [String]) -> String? {
        if text.isEmpty { return "is empty" }
        if text.utf8.count > maximumLength { return "is longer than \(maximumLength) bytes" }
        let names = components(of: text)
        guard folders.contains(names[0]), names.count > 1 else {
            return "must be a path below \(folders.map { $0 + "/" }.joined(separator: " or ")) in the spool"
        }
        for name in names {
            if let problem = PathComponent.problem(with: name, maximumLength: maximumLength) {
                return name.isEmpty ? "contains an empty name" : "contains a name that \(problem)"
            }
        }
        return nil
    }

    /// Its names, the folder first.
    public static func components(of path: String) -> [String] {
        path.unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
    }
}
