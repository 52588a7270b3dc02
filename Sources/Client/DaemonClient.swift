public import Varlink

/// The daemon, as its clients see it. Every call is a connection of its own.
public struct DaemonClient: Sendable {
    /// The control socket's path.
    public let socket: String

    /// The daemon that listens at `socket`.
    public init(socket: String) { self.socket = socket }

    /// Calls `M`. A daemon that stays silent for `timeoutSeconds` is an error; 0 waits for as long as it lives, since what measures a
    /// model takes its time, and ends when the caller hangs up.
    public func call<M: Method>(
        _ method: M.Type, _ parameters: M.Parameters, timeoutSeconds: Int = 120
    ) throws(ClientError) -> M.Reply {
        do throws(VarlinkError) {
            return try Connection(path: socket, timeoutSeconds: timeoutSeconds).call(M.self, parameters)
        } catch {
            throw .daemon(error)
        }
    }

    /// Calls `M` and hands every reply to `onReply` until it answers false or the last came.
    public func stream<M: Method>(
        _ method: M.Type, _ parameters: M.Parameters, onReply: (M.Reply) -> Bool
    ) throws(ClientError) {
        do throws(VarlinkError) {
            try Connection(path: socket, timeoutSeconds: 120).stream(M.self, parameters, onReply: onReply)
        } catch {
            throw .daemon(error)
        }
    }

    /// Nil when it answers; otherwise why not.
    public func problem() -> VarlinkError? {
        do throws(VarlinkError) {
            _ = try Connection(path: socket, timeoutSeconds: 5).call(GetInfo.self, Nothing())
            return nil
        } catch {
            return error
        }
    }
}
