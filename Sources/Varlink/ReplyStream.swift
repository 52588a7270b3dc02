/// The way back to a caller that asked for `more` replies.
public struct ReplyStream<Value: Encodable & Sendable>: Sendable {
    /// The user at the other end.
    public let peer: PeerCredentials
    private let socket: Socket
    /// Whether the caller accepts more than one reply. When not, return the current state instead of sending.
    public let isOpen: Bool

    init(peer: PeerCredentials, socket: Socket, isOpen: Bool) {
        self.peer = peer
        self.socket = socket
        self.isOpen = isOpen
    }

    /// Sends one reply that is not the last.
    public func send(_ value: Value) throws(VarlinkError) {
        precondition(isOpen, "a caller that did not ask for more gets one reply, the returned one")
        try socket.write(Reply.encode(value, continues: true))
    }

    /// Blocks until `wakeup` rings; false when the caller hung up or the server stops, and there is nobody to tell.
    public func wait(for wakeup: Wakeup) -> Bool {
        socket.wait(for: wakeup)
    }
}
