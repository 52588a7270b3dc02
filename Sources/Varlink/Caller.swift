/// Who waits for a reply that takes long.
public struct Caller: Sendable {
    private let socket: Socket

    init(socket: Socket) { self.socket = socket }

    /// Blocks until `wakeup` rings; false when the caller hung up or the server stops, and there is nobody to answer.
    public func wait(for wakeup: Wakeup) -> Bool { socket.wait(for: wakeup) }
}
