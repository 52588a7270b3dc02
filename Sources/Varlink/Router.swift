import Synchronization

/// Which code answers which method.
///
/// A value that is filled once, before the server starts. Handlers run on the connection's own thread and may block it.
public struct Router: Sendable {
    /// Who serves, for `org.varlink.service.GetInfo`.
    public let identity: ServiceIdentity
    private var descriptions: [String: String] = [:]
    private var routes: [String: Route] = [:]

    struct Route: Sendable {
        let mutates: Bool
        let answer: @Sendable (Call, PeerCredentials, Socket) throws -> [UInt8]
    }

    /// Held while a large reply is made.
    private let press = Press()

    /// A router that answers `org.varlink.service` and nothing else yet.
    public init(identity: ServiceIdentity) {
        self.identity = identity
        offer(interface: ServiceInterface.name, description: ServiceInterface.description)
    }

    /// Lists an interface and its text.
    public mutating func offer(interface: String, description: String) {
        descriptions[interface] = description
    }

    /// Answers `M` with what `body` returns.
    public mutating func on<M: Method>(
        _ method: M.Type, _ body: @escaping @Sendable (M.Parameters) throws(CallError) -> M.Reply
    ) {
        on(method) { parameters, _ throws(CallError) in try body(parameters) }
    }

    /// Answers `M` with what `body` returns, which is told who asks, and may ask on the way whether the caller still waits.
    public mutating func on<M: Method>(
        _ method: M.Type, _ body: @escaping @Sendable (M.Parameters, Caller) throws(CallError) -> M.Reply
    ) {
        routes[M.name] = Route(mutates: M.mutates) { [press] call, peer, socket in
            let parameters = try call.parameters(M.Parameters.self)
            let caller = Caller(peer: peer, socket: socket)
            return try M.isLarge
                ? press.alone { try Reply.encode(body(parameters, caller)) } : Reply.encode(body(parameters, caller))
        }
    }

    /// Answers `M` with every value that `body` sends, and then with what it returns.
    public mutating func stream<M: Method>(
        _ method: M.Type, _ body: @escaping @Sendable (M.Parameters, ReplyStream<M.Reply>) throws -> M.Reply
    ) {
        routes[M.name] = Route(mutates: M.mutates) { call, peer, socket in
            let parameters = try call.parameters(M.Parameters.self)
            let stream = ReplyStream<M.Reply>(peer: peer, socket: socket, isOpen: call.more && !call.oneway)
            return try Reply.encode(body(parameters, stream))
        }
    }

    /// The names of all methods, sorted.
    public var methodNames: [String] {
        (Array(routes.keys) + [GetInfo.name, GetInterfaceDescription.name]).sorted()
    }

    /// The encoded reply, or the error that the peer is to be told.
    func answer(_ call: Call, from peer: PeerCredentials, mayControl: Bool, socket: Socket) throws -> [UInt8] {
        switch call.method {
        case GetInfo.name:
            return try Reply.encode(
                GetInfo.Reply(
                    vendor: identity.vendor, product: identity.product, version: identity.version,
                    url: identity.url, interfaces: descriptions.keys.sorted()))
        case GetInterfaceDescription.name:
            let interface = try call.parameters(GetInterfaceDescription.Parameters.self).interface
            guard let text = descriptions[interface] else { throw CallError.interfaceNotFound(interface) }
            return try Reply.encode(GetInterfaceDescription.Reply(description: text))
        default:
            guard let route = routes[call.method] else {
                throw descriptions[call.interface] == nil
                    ? CallError.interfaceNotFound(call.interface) : CallError.methodNotFound(call.method)
            }
            guard mayControl || !route.mutates else { throw CallError.permissionDenied }
            return try route.answer(call, peer, socket)
        }
    }
}

/// Lets one thread at a time make a large reply, so that many callers together cost the memory of one.
private final class Press: Sendable {
    private let turn = Mutex(())

    func alone<Value>(_ body: () throws -> Value) rethrows -> Value { try turn.withLock { _ in try body() } }
}

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

/// A method of an interface as a type: its name, what it takes, what it answers.
///
/// Conforming types are the only description of the wire that Swift code uses; the interface's text says the same to others,
/// and a test compares the two.
public protocol Method: Sendable {
    /// The parameters; every field is a key of the call's `parameters` object.
    associatedtype Parameters: Codable & Sendable
    /// The reply's `parameters` object.
    associatedtype Reply: Codable & Sendable
    /// The full name, `org.latentd.Show`.
    static var name: String { get }
    /// Whether it changes anything: such calls are only taken from peers that may control the daemon.
    static var mutates: Bool { get }
    /// Whether its reply may be long: such replies are made one at a time.
    static var isLarge: Bool { get }
}

extension Method {
    /// Most replies are short.
    public static var isLarge: Bool { false }
}

/// Parameters or a reply without any field.
public struct Nothing: Codable, Sendable, Equatable {
    /// The empty object.
    public init() {}
}
