import Glibc

/// What can go wrong on the control socket, seen from either end.
public enum VarlinkError: Error, Sendable, Equatable {
    /// No daemon answers at `path`.
    case cannotConnect(path: String, code: Int32)
    /// A user who has no business there serves the socket at `path`.
    case foreignServer(path: String, user: UInt32)
    /// The socket at `path` cannot be made.
    case cannotListen(path: String, code: Int32)
    /// A message is longer than `limit` bytes.
    case messageTooLong(limit: Int)
    /// The bytes are no Varlink message.
    case malformed(reason: String)
    /// The peer closed the connection before it answered.
    case disconnected
    /// The peer neither read nor wrote for too long.
    case timedOut
    /// Reading or writing failed.
    case input(code: Int32)
    /// The peer answered with an error.
    case refused(CallError)

    /// Whether trying again later may help.
    public var isTransient: Bool {
        switch self {
        case .cannotConnect, .disconnected, .timedOut: true
        default: false
        }
    }
}

extension VarlinkError: CustomStringConvertible {
    /// A sentence that the caller can act on.
    public var description: String {
        switch self {
        case .cannotConnect(let path, ENOENT), .cannotConnect(let path, ECONNREFUSED):
            "no daemon answers at \(path): start it with 'systemctl start latentd' or 'latentd serve --root DIR'"
        case .cannotConnect(let path, EACCES), .cannotConnect(let path, EPERM):
            "you may not use \(path): join the socket's group (usually 'latentd') or run this as root"
        case .cannotConnect(let path, let code): "cannot connect to \(path): \(systemMessage(code))"
        case .foreignServer(let path, let user):
            "\(path) is served by user \(user), who is neither root nor the daemon's user nor you: nothing was sent"
        case .cannotListen(let path, let code): "cannot make the control socket \(path): \(systemMessage(code))"
        case .messageTooLong(let limit): "the message is longer than \(limit) bytes"
        case .malformed(let reason): "not a Varlink message: \(reason)"
        case .disconnected: "the daemon closed the connection before it answered"
        case .timedOut: "the daemon did not answer in time"
        case .input(let code): "the control connection failed: \(systemMessage(code))"
        case .refused(let error): error.description
        }
    }
}

/// The system's words for an `errno`.
func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
