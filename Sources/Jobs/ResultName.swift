/// The NAME of `done/NAME.webp`, `done/NAME.json` and `failed/NAME.json`: one safe component of a path.
///
/// No slash, no leading dot, no control character, at most 160 bytes, and none of the endings `.webp`, `.json` and `.job`,
/// so that no two results share a file.
public struct ResultName: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The longest name, in bytes.
    public static let maximumLength = 160
    /// The longest name that a job or a file may ask for, in bytes; the rest is kept for what makes names unique.
    public static let maximumRequestedLength = 128
    private static let reservedEndings = [".webp", ".json", ".job"]

    /// The checked name.
    public let rawValue: String

    /// Answers nil for a name that is not safe; `problem(with:)` says why.
    public init?(rawValue: String) {
        guard Self.problem(with: rawValue, maximumLength: Self.maximumLength) == nil else { return nil }
        self.rawValue = rawValue
    }

    /// The safe name nearest to `text`: what is not allowed becomes `_`, what is too long is cut, nothing becomes `job`.
    public init(sanitizing text: String) {
        var scalars = String.UnicodeScalarView()
        var length = 0
        for scalar in text.unicodeScalars {
            let safe = PathComponent.isAllowed(scalar) && scalar != "\u{FFFD}" ? scalar : "_"
            length += UTF8.width(safe)
            if length > Self.maximumRequestedLength { break }
            scalars.append(safe)
        }
        if scalars.first == "." { scalars.replaceSubrange(scalars.startIndex...scalars.startIndex, with: ["_"]) }
        var name = String(scalars)
        if let ending = Self.reservedEndings.first(where: { name.hasSuffix($0) }) {
            name.removeLast(ending.count)
            name += "_" + ending.dropFirst()
        }
        self.rawValue = name.isEmpty ? "job" : name
    }

    /// The name with `suffix` (of our own making: `-3`, `~2`) behind it.
    public func appending(_ suffix: String) -> ResultName {
        guard let name = ResultName(rawValue: rawValue + suffix) else {
            preconditionFailure("the suffix \(suffix) makes no result name")
        }
        return name
    }

    /// Why `text` is no name of at most `maximumLength` bytes, or nil when it is one.
    static func problem(with text: String, maximumLength: Int) -> String? {
        if let problem = PathComponent.problem(with: text, maximumLength: maximumLength) { return problem }
        if let ending = reservedEndings.first(where: { text.hasSuffix($0) }) {
            return "ends in \(ending); the endings are added to it"
        }
        return nil
    }

    /// The name itself.
    public var description: String { rawValue }
}

extension ResultName: Codable {}
