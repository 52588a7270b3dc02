/// A blocking client connection to a daemon's control socket.
///
/// One call at a time; not meant to be shared between threads. Closed when the last reference goes.
public final class Connection {
    private let socket: Socket
    private var decoder = MessageDecoder(limit: 16 << 20)

    /// Connects to the socket at `path`. A daemon that stays silent for `timeoutSeconds` is an error, except in
    /// ``stream(_:_:onReply:)``. Of `servers`, where given, one must have made the socket: nothing is sent to another user's.
    public init(path: String, timeoutSeconds: Int = 30, servers: Set<UInt32>? = nil) throws(VarlinkError) {
        socket = try Socket.connect(to: path, timeoutSeconds: timeoutSeconds)
        guard let servers else { return }
        let user = try PeerCredentials(of: socket.descriptor).userID
        guard servers.contains(user) else { throw .foreignServer(path: path, user: user) }
    }

    /// Calls `M` and waits for its reply.
    public func call<M: Method>(_ method: M.Type, _ parameters: M.Parameters) throws(VarlinkError) -> M.Reply {
        try send(Call.encode(method: M.name, parameters: parameters))
        return try Reply.decode(M.Reply.self, from: nextMessage()).parameters
    }

    /// Calls `M` without waiting for, or getting, an answer.
    public func callOneway<M: Method>(_ method: M.Type, _ parameters: M.Parameters) throws(VarlinkError) {
        try socket.write(Call.encode(method: M.name, parameters: parameters, oneway: true))
    }

    /// Calls `M`, asks for all replies and hands each to `onReply` as it comes; returns after the last one, or as soon as
    /// `onReply` answers false. Waits as long as the daemon lives.
    public func stream<M: Method>(
        _ method: M.Type, _ parameters: M.Parameters, onReply: (M.Reply) -> Bool
    ) throws(VarlinkError) {
        try send(Call.encode(method: M.name, parameters: parameters, more: true))
        socket.setTimeouts(seconds: 0)
        while true {
            let reply = try Reply.decode(M.Reply.self, from: nextMessage())
            guard onReply(reply.parameters), reply.continues else { return }
        }
    }

    /// Sends `message`. A server that refuses us may hang up before we have written; its answer can be read all the same.
    private func send(_ message: [UInt8]) throws(VarlinkError) {
        do {
            try socket.write(message)
        } catch .disconnected {
            return
        }
    }

    private func nextMessage() throws(VarlinkError) -> [UInt8] {
        while true {
            if let message = try decoder.next() { return message }
            guard let bytes = try socket.read() else { throw .disconnected }
            decoder.append(bytes)
        }
    }
}
