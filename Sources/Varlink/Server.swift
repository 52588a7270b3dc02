import Foundation
import Synchronization

/// Serves a ``Router`` on a Unix socket.
///
///     accept thread ──► connection thread: read ─► decode ─► permission ─► handler ─► reply ─┐
///                                           ▲─────────────────────────────────────────────────┘
///
/// One thread for `accept` and one for each connection, of which each user has at most ``maximumConnections``; none of them belongs
/// to the cooperative pool, so handlers may block. Root and the daemon's own user have theirs whatever others do. Beyond the bound a
/// caller is told `org.latentd.Busy`. A message that is too long or no call at all is answered with `org.latentd.MalformedCall`, and the
/// connection ends. It ends without an answer when the peer is silent for ``silenceSeconds``, or takes longer than that to send a message
/// or to read a reply. Nobody else notices. Nothing here wakes up while nobody talks.
public final class Server: Sendable {
    /// How long a connection may stay silent between two calls, a message may take from its first byte to its last, and its reader may
    /// take for a reply.
    public static let silenceSeconds = 60
    /// The longest message in bytes.
    public static let messageLimit = 1 << 20

    /// Where it listens.
    public let path: String
    /// How many connections of one user are served at once.
    public let maximumConnections: Int
    private let patience: Duration
    private let router: Router
    private let listener: Socket
    private let group: UInt32
    private let state = Mutex(State())
    private let threads = DispatchGroup()

    private struct State {
        var connections: [Int: (socket: Socket, user: UInt32)] = [:]
        var accepted = 0
        /// Bytes of long messages that have not come to their end.
        var unfinishedBytes = 0
        var isStopping = false
    }

    /// Listens at `path` (with `mode`, the group of its folder's files); callers wait until ``start()``.
    ///
    /// A socket that a dead daemon left there is replaced: hold the instance's lock before.
    public init(
        path: String, router: Router, maximumConnections: Int = 32, mode: UInt32 = 0o660,
        patience: Duration = .seconds(Server.silenceSeconds)
    ) throws(VarlinkError) {
        self.path = path
        self.router = router
        self.maximumConnections = maximumConnections
        self.patience = patience
        listener = try Socket.listen(at: path, mode: mode)
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
        spawn("control-end") { $0.hangUp() }
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { continuation.resume() }
        }
    }

    private func hangUp() {
        let open = state.withLock { state in
            state.isStopping = true
            return state.connections.values.map(\.socket)
        }
        unlink(path)
        listener.shutdown()
        for socket in open { socket.shutdown() }
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
        // Who cannot be told apart is not served.
        guard let peer = try? PeerCredentials(of: socket.descriptor) else { return }
        let number: Int? = state.withLock { state in
            let users = state.connections.values.map(\.user)
            guard !state.isStopping,
                Self.hasPlace(for: peer.userID, among: users, own: geteuid(), maximum: maximumConnections)
            else { return nil }
            state.accepted += 1
            state.connections[state.accepted] = (socket, peer.userID)
            return state.accepted
        }
        guard let number else {
            // The caller may have gone already; there is nobody else to tell.
            socket.setTimeouts(seconds: 1)
            _ = try? socket.write(Reply.encode(CallError.busy))
            return
        }
        spawn("control-\(number)") { server in
            server.serve(socket, peer)
            socket.shutdown()
            _ = server.state.withLock { $0.connections.removeValue(forKey: number) }
        }
    }

    /// Whether one more connection of `user` may be served beside those of `users`, by a server of `own`. Each user has a bound, and so
    /// have all users together but root and our own, who can always come in.
    package static func hasPlace(for user: UInt32, among users: [UInt32], own: UInt32, maximum: Int) -> Bool {
        let trusted: Set<UInt32> = [0, own]
        guard users.count(where: { $0 == user }) < maximum else { return false }
        return trusted.contains(user) || users.count(where: { !trusted.contains($0) }) < 3 * maximum
    }

    /// Answers calls until the peer hangs up, falls silent, breaks the protocol or the server stops.
    private func serve(_ socket: Socket, _ peer: PeerCredentials) {
        let mayControl = peer.mayControl(owner: geteuid(), group: group)
        socket.setWriteTimeout(patience)
        var decoder = MessageDecoder(limit: Self.messageLimit)
        var end = ContinuousClock.now + patience
        var counted = 0
        defer { count(-counted) }
        do {
            while true {
                if let message = try decoder.next() {
                    try respond(to: Call(message: message), from: peer, mayControl: mayControl, on: socket)
                    end = ContinuousClock.now + patience
                } else {
                    counted = try account(for: decoder.unfinishedByteCount, counted: counted)
                    let left = end - ContinuousClock.now
                    guard left > .zero else { return }
                    socket.setReadTimeout(left)
                    guard let bytes = try socket.read() else { return }
                    // A message has its time from its first byte on, however slowly the others come.
                    if !decoder.isInsideMessage { end = ContinuousClock.now + patience }
                    decoder.append(bytes)
                }
            }
        } catch VarlinkError.malformed(let reason) {
            _ = try? socket.write(Reply.encode(CallError.malformedCall(reason)))
        } catch let error as VarlinkError {
            if case .messageTooLong = error {
                _ = try? socket.write(Reply.encode(CallError.malformedCall(error.description)))
            }
        } catch let error as CallError {
            _ = try? socket.write(Reply.encode(error))
        } catch {
            // Handlers' errors were answered in `respond`; what is left is the connection's own end.
        }
    }

    /// The most that unfinished messages may hold together, beside what each connection may hold anyway.
    private static let unfinishedLimit = 16 << 20
    private static let unfinishedAllowance = 64 << 10

    /// Notes how much of a long message is kept; throws `busy` when all of them together would be too much.
    private func account(for bytes: Int, counted: Int) throws(CallError) -> Int {
        let now = max(0, bytes - Self.unfinishedAllowance)
        if now == counted { return counted }
        guard count(now - counted) else { throw .busy }
        return now
    }

    /// Adds to the bytes of long unfinished messages; false, with nothing added, when that would be too many.
    @discardableResult
    private func count(_ difference: Int) -> Bool {
        state.withLock { state in
            guard difference <= 0 || state.unfinishedBytes + difference <= Self.unfinishedLimit else { return false }
            state.unfinishedBytes += difference
            return true
        }
    }

    private func respond(
        to call: Call, from peer: PeerCredentials, mayControl: Bool, on socket: Socket
    ) throws {
        let reply: [UInt8]
        do {
            reply = try router.answer(call, from: peer, mayControl: mayControl, socket: socket)
        } catch let error as CallError {
            reply = try Reply.encode(error)
        }
        if !call.oneway { try socket.write(reply) }
    }
}
