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
