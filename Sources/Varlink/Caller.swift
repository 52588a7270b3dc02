/// Who waits for a reply that takes long, or that not everybody may have.
public struct Caller: Sendable {
    /// The user at the other end.
    public let peer: PeerCredentials
    private let socket: Socket

    init(peer: PeerCredentials, socket: Socket) {
        self.peer = peer
        self.socket = socket
    }

    /// Blocks until `wakeup` rings; false when the caller hung up or the server stops, and there is nobody to answer.
    public func wait(for wakeup: Wakeup) -> Bool { socket.wait(for: wakeup) }
}
