import Glibc

/// Tells the service manager how the service is, by the datagrams of sd_notify(3).
///
/// ```
/// start ─► ready() ─► status(...), watchdog ... ─► stopping() ─► exit
///              ▲                 │ SIGHUP
///              └── reloading() ◄─┘
/// ```
/// Without a manager every call does nothing. The socket's name is taken once, so that no thread reads the environment
/// later. While the manager's queue is full, ``ready(status:)`` waits, since a lost `READY=1` would be a failed start; everything else is
/// left out then: the next sign of life follows, and no daemon hangs because its manager does.
public struct Notifier: Sendable {
    private let socketPath: String?

    /// Speaks to `socketPath`, by default what systemd put into the environment; `@` starts an abstract name.
    public init(socketPath: String? = environmentValue("NOTIFY_SOCKET")) {
        self.socketPath = socketPath
    }

    /// Whether a service manager listens.
    public var isActive: Bool { socketPath != nil }

    /// Recovery is over and work is accepted; also ends a reload.
    public func ready(status: String? = nil) {
        send(["READY=1"] + line(status), waits: true)
    }

    /// A word for `systemctl status`.
    public func status(_ status: String) {
        send(line(status))
    }

    /// The settings are being read again; ``ready(status:)`` follows.
    public func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send(["RELOADING=1", "MONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)"])
    }

    /// The daemon is on its way out.
    public func stopping(status: String? = nil) {
        send(["STOPPING=1"] + line(status))
    }

    /// Somebody made progress. Use ``Watchdog/pet()``, which says so not too often.
    func watchdog() {
        send(["WATCHDOG=1"])
    }

    private func line(_ status: String?) -> [String] {
        status.map { ["STATUS=" + $0.replacing("\n", with: " ")] } ?? []
    }

    private func send(_ lines: [String], waits: Bool = false) {
        guard let socketPath, var address = sockaddr_un(notifySocket: socketPath) else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + socketPath.utf8.count)
        let message = Array(lines.joined(separator: "\n").utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
                _ = sendto(descriptor, message, message.count, flags, generic, length)
            }
        }
    }
}

extension sockaddr_un {
    /// The address of a path or, after `@`, of an abstract name; `nil` when it is longer than an address holds.
    fileprivate init?(notifySocket path: String) {
        self.init()
        sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: sun_path) else { return nil }
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &sun_path) { $0.copyBytes(from: bytes) }
    }
}
