import Foundation
import Synchronization

/// Serves a ``Router`` on a Unix socket.
///
///     accept thread ──► connection thread: read ─► decode ─► permission ─► handler ─► reply ─┐
///                                           ▲─────────────────────────────────────────────────┘
///
/// One thread for `accept` and one for each connection, at most ``maximumConnections``; none of them belongs to the
/// cooperative pool, so handlers may block. Beyond the bound a caller is told `org.latentd.Busy`. A message that is too long
/// or no call at all is answered with `org.latentd.MalformedCall` and ends that connection; nobody else notices. Nothing here
/// wakes up while nobody talks.
public final class Server: Sendable {
    /// How long a connection may stay silent between two calls, and a read or write may stall.
    public static let silenceSeconds = 60
    /// The longest message in bytes.
    public static let messageLimit = 1 << 20

    /// Where it listens.
    public let path: String
    /// How many callers are served at once.
    public let maximumConnections: Int
    private let router: Router
    private let listener: Socket
    private let group: UInt32
    private let state = Mutex(State())
    private let threads = DispatchGroup()

    private struct State {
        var connections: [Int: Socket] = [:]
        var accepted = 0
        var isStopping = false
    }

    /// Listens at `path` (mode 0660, the group of its folder's files); callers wait until ``start()``.
    ///
    /// A socket that a dead daemon left there is replaced: hold the instance's lock before.
    public init(path: String, router: Router, maximumConnections: Int = 32) throws(VarlinkError) {
        self.path = path
        self.router = router
        self.maximumConnections = maximumConnections
        listener = try Socket.listen(at: path, mode: 0o660)
        var status = stat()
        guard stat(path, &status) == 0 else { throw .cannotListen(path: path, code: errno) }
        group = status.st_gid
    }

    /// Starts to accept callers.
    public func start() {
        spawn("control") { server in
            while let socket = server.listener.accept(unless: { server.state.withLock { $0.isStopping } }) {
                server.admit(socket)
            }
        }
    }

    /// Hangs up on everybody, removes the socket and waits until all handlers returned. Harmless when repeated.
    public func stop() async {
        let open = state.withLock { state in
            state.isStopping = true
            return Array(state.connections.values)
        }
        unlink(path)
        listener.shutdown()
        for socket in open { socket.shutdown() }
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { continuation.resume() }
        }
    }

    private func spawn(_ name: String, _ body: @escaping @Sendable (Server) -> Void) {
        threads.enter()
        let thread = Thread { [self] in
            nameThisThread(name)
            body(self)
            threads.leave()
        }
        thread.stackSize = 1 << 21
        thread.start()
    }

    private func admit(_ socket: Socket) {
        let number: Int? = state.withLock { state in
            guard !state.isStopping, state.connections.count < maximumConnections else { return nil }
            state.accepted += 1
            state.connections[state.accepted] = socket
            return state.accepted
        }
        guard let number else {
            // The caller may have gone already; there is nobody else to tell.
            socket.setTimeouts(seconds: 1)
            _ = try? socket.write(Reply.encode(CallError.busy))
            return
        }
        spawn("control-\(number)") { server in
            server.serve(socket)
            socket.shutdown()
            _ = server.state.withLock { $0.connections.removeValue(forKey: number) }
        }
    }

    /// Answers calls until the peer hangs up, falls silent, breaks the protocol or the server stops.
    private func serve(_ socket: Socket) {
        guard let peer = try? PeerCredentials(of: socket.descriptor) else { return }
        let mayControl = peer.mayControl(owner: geteuid(), group: group)
        socket.setTimeouts(seconds: Self.silenceSeconds)
        var decoder = MessageDecoder(limit: Self.messageLimit)
        do {
            while true {
                if let message = try decoder.next() {
                    try respond(to: Call(message: message), mayControl: mayControl, on: socket)
                } else if let bytes = try socket.read() {
                    decoder.append(bytes)
                } else {
                    return
                }
            }
        } catch VarlinkError.malformed(let reason) {
            _ = try? socket.write(Reply.encode(CallError.malformedCall(reason)))
        } catch let error as VarlinkError {
            if case .messageTooLong = error {
                _ = try? socket.write(Reply.encode(CallError.malformedCall(error.description)))
            }
        } catch {
            // Handlers' errors were answered in `respond`; what is left is the connection's own end.
        }
    }

    private func respond(to call: Call, mayControl: Bool, on socket: Socket) throws {
        let reply: [UInt8]
        do {
            reply = try router.answer(call, mayControl: mayControl, socket: socket)
        } catch let error as CallError {
            reply = try Reply.encode(error)
        }
        if !call.oneway { try socket.write(reply) }
    }
}
