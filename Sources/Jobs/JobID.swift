/// The name under which a job is known everywhere: the queue, the journal, the control socket.
///
/// `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, so that it is safe in a path, a journal field and a shell.
public struct JobID: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest id, in bytes.
    public static let maximumLength = 64

    /// The checked id.
    public let rawValue: String

    /// Answers nil for anything but 1 to 64 letters, digits, dots, underscores and hyphens, beginning with a letter or digit.
    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard let first = bytes.first, first.isLetterOrDigit, bytes.count <= Self.maximumLength,
            bytes.allSatisfy({
                $0.isLetterOrDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            })
        else { return nil }
        self.rawValue = rawValue
    }

    /// The id itself.
    public var description: String { rawValue }

    /// The order of the characters.
    public static func < (left: JobID, right: JobID) -> Bool { left.rawValue < right.rawValue }
}

extension JobID: Codable {}

extension UInt8 {
    var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }

    var isLetterOrDigit: Bool {
        isDigit || UInt8(ascii: "a")...UInt8(ascii: "z") ~= self || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= self
    }
}
