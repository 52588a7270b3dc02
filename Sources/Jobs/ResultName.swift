/// The NAME of `done/NAME.webp`, `done/NAME.json` and `failed/NAME.json`: one safe component of a path.
///
/// No slash, no leading dot, no control character, at most 160 bytes, and none of the endings `.webp`, `.json` and `.job`,
/// so that no two results share a file. New names do not begin with a hyphen either, which programs take for an option, and have no
/// characters that cannot be seen; queues of earlier releases may hold such names.
///
/// ## Easy to get wrong
/// Names are compared byte by byte, as file systems and the queue do. Swift's strings are equal where they look the same: two ways to
/// write an accent would be one name here and two files there.
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
            let safe = PathComponent.isPlain(scalar) && scalar != "\u{FFFD}" ? scalar : "_"
            length += UTF8.width(safe)
            if length > Self.maximumRequestedLength { break }
            scalars.append(safe)
        }
        if scalars.first == "." || scalars.first == "-" {
            scalars.replaceSubrange(scalars.startIndex...scalars.startIndex, with: ["_"])
        }
        var name = String(scalars)
        if let ending = Self.reservedEnding(of: name) {
            name = String(scalars.dropLast(ending.unicodeScalars.count)) + "_" + ending.dropFirst()
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
        if let ending = reservedEnding(of: text) {
            return "ends in \(ending); the endings are added to it"
        }
        return nil
    }

    /// Why no new result may have this name, or nil.
    var problem: String? {
        if rawValue.utf8.first == UInt8(ascii: "-") { return "begins with a hyphen, as an option of a program does" }
        guard let scalar = rawValue.unicodeScalars.first(where: { !PathComponent.isPlain($0) }) else { return nil }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "contains U+\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits), which cannot be seen"
    }

    /// The reserved ending that `text` has, byte by byte.
    private static func reservedEnding(of text: String) -> String? {
        reservedEndings.first { text.utf8.reversed().starts(with: $0.utf8.reversed()) }
    }

    /// Whether both are the same bytes.
    public static func == (left: ResultName, right: ResultName) -> Bool {
        left.rawValue.utf8.elementsEqual(right.rawValue.utf8)
    }

    /// Feeds the bytes.
    public func hash(into hasher: inout Hasher) {
        var text = rawValue
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// The name itself.
    public var description: String { rawValue }
}

extension ResultName: Codable {}
