import Glibc

/// Why a result did not get where a user wanted it.
public struct OutputError: Error, Equatable, Sendable, CustomStringConvertible {
    /// As the user named it; `standard output` for `-`.
    public let path: String
    /// The `errno` of what failed.
    public let code: Int32

    /// The failure `code` of a write to `path`.
    public init(path: String, code: Int32) {
        self.path = path
        self.code = code
    }

    /// The system's words for it.
    public var reason: String { String(cString: strerror(code)) }
    /// Nobody reads any more what was being written.
    public var isClosed: Bool { code == EPIPE }

    /// A sentence that the user can act on.
    public var description: String { "cannot write \(path): \(reason)" }
}
