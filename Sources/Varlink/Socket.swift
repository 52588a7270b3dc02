import Glibc

/// A Unix stream socket that closes itself.
///
/// Blocking; `shutdown` from another thread ends a blocked `read`, `accept` or `poll`.
final class Socket: Sendable {
    let descriptor: Int32

    private init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func make() -> Int32 {
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    }

    /// Connects to the socket at `path`; no read or write of it takes longer than `timeoutSeconds`.
    static func connect(to path: String, timeoutSeconds: Int) throws(VarlinkError) -> Socket {
        let descriptor = make()
        guard descriptor >= 0 else { throw .cannotConnect(path: path, code: errno) }
        let socket = Socket(descriptor: descriptor)
        let result = withSocketAddress(path) { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 else { throw .cannotConnect(path: path, code: result) }
        socket.setTimeouts(seconds: timeoutSeconds)
        return socket
    }

    /// Listens at `path` with `mode`, replacing a socket that a dead daemon left there (the caller holds the root's lock).
    ///
    /// The socket gets its mode through its own descriptor. Before that nobody but its owner may connect, and whatever else may get its
    /// name meanwhile keeps its own mode.
    static func listen(at path: String, mode: UInt32) throws(VarlinkError) -> Socket {
        var existing = stat()
        if lstat(path, &existing) == 0 {
            guard existing.st_mode & S_IFMT == S_IFSOCK else { throw .cannotListen(path: path, code: EEXIST) }
            unlink(path)
        }
        let descriptor = make()
        guard descriptor >= 0 else { throw .cannotListen(path: path, code: errno) }
        let socket = Socket(descriptor: descriptor)
        // The kernel gives the name this mode, less the umask.
        guard fchmod(descriptor, 0o600) == 0 else { throw .cannotListen(path: path, code: errno) }
        let result = withSocketAddress(path) { bind(descriptor, $0, $1) }
        guard result == 0 else { throw .cannotListen(path: path, code: result) }
        try setMode(mode, of: path)
        guard Glibc.listen(descriptor, 64) == 0 else { throw .cannotListen(path: path, code: errno) }
        return socket
    }

    private static func setMode(_ mode: UInt32, of path: String) throws(VarlinkError) {
        // O_PATH, which Glibc's module leaves out: a name for the socket itself, whatever happens to the path.
        let named = open(path, 0o10000000 | O_NOFOLLOW | O_CLOEXEC)
        guard named >= 0 else { throw .cannotListen(path: path, code: errno) }
        defer { close(named) }
        var status = stat()
        guard fstat(named, &status) == 0 else { throw .cannotListen(path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == geteuid() else {
            throw .cannotListen(path: path, code: EEXIST)
        }
        guard chmod("/proc/self/fd/\(named)", mode) == 0 else { throw .cannotListen(path: path, code: errno) }
    }

    /// The next connection; nil once the socket was shut down. `isStopping` tells of that too: the kernel refuses a process that has no
    /// descriptor left before it looks at the socket.
    func accept(unless isStopping: () -> Bool) -> Socket? {
        while !isStopping() {
            let peer = Glibc.accept(descriptor, nil, nil)
            if peer >= 0 {
                // The daemon starts no programs, so the moment without close-on-exec is harmless.
                _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
                return Socket(descriptor: peer)
            }
            switch errno {
            case EINTR, ECONNABORTED: continue
            case EMFILE, ENFILE, ENOMEM, ENOBUFS: usleep(100_000)
            default: return nil
            }
        }
        return nil
    }

    /// No `read`, and no `write` as a whole, takes longer from now on; 0 is no limit.
    func setTimeouts(seconds: Int) {
        setTimeout(SO_RCVTIMEO, milliseconds: seconds * 1000)
        setTimeout(SO_SNDTIMEO, milliseconds: seconds * 1000)
    }

    /// The same for `read` alone.
    func setReadTimeout(_ duration: Duration) { setTimeout(SO_RCVTIMEO, milliseconds: max(1, duration.milliseconds)) }

    /// The same for `write` alone.
    func setWriteTimeout(_ duration: Duration) { setTimeout(SO_SNDTIMEO, milliseconds: max(1, duration.milliseconds)) }

    private func setTimeout(_ option: Int32, milliseconds: Int) {
        var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    private var writeTimeout: Duration? {
        var limit = timeval()
        var size = socklen_t(MemoryLayout<timeval>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, &size) == 0 else { return nil }
        let duration = Duration.seconds(limit.tv_sec) + .microseconds(limit.tv_usec)
        return duration == .zero ? nil : duration
    }

    /// What has arrived, at least one byte; nil at the end of the stream.
    func read() throws(VarlinkError) -> [UInt8]? {
        while true {
            var failure: Int32 = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                failure = result < 0 ? errno : 0
                count = max(result, 0)
            }
            switch failure {
            case 0: return bytes.isEmpty ? nil : bytes
            case EINTR: continue
            case EAGAIN: throw .timedOut
            case ECONNRESET: return nil
            default: throw .input(code: failure)
            }
        }
    }

    /// Writes all of `bytes`; a peer that went away is an error, never a signal. So is one that reads too slowly: the timeout is for
    /// all of it, since the kernel's own would begin again with every few bytes that the peer takes.
    func write(_ bytes: [UInt8]) throws(VarlinkError) {
        let end = writeTimeout.map { ContinuousClock.now + $0 }
        var sent = 0
        while sent < bytes.count {
            let result = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if result >= 0 {
                sent += result
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: try waitForRoom(until: end)
            case EPIPE, ECONNRESET: throw .disconnected
            default: throw .input(code: errno)
            }
        }
    }

    private func waitForRoom(until end: ContinuousClock.Instant?) throws(VarlinkError) {
        let left = end.map { ($0 - ContinuousClock.now).milliseconds }
        if let left, left <= 0 { throw .timedOut }
        var event = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&event, 1, Int32(clamping: left ?? -1)) >= 0 || errno == EINTR else { throw .input(code: errno) }
    }

    /// Ends both directions; a thread that is blocked on this socket wakes up.
    func shutdown() {
        _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Waits until the bell rings (true) or the peer hangs up (false; `poll` reports that unasked).
    func wait(for wakeup: Wakeup) -> Bool {
        while true {
            var events = [
                pollfd(fd: descriptor, events: 0, revents: 0),
                pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&events, 2, -1) >= 0 else {
                if errno == EINTR { continue }
                return false
            }
            if events[0].revents != 0 { return false }
            if events[1].revents != 0 {
                wakeup.silence()
                return true
            }
        }
    }
}

/// Runs `body` with the address of `path`: 0, or the `errno` of what failed.
///
/// A path over the 107 bytes of `sun_path` goes through its folder's descriptor in `/proc/self/fd`.
private func withSocketAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    var short = path
    var folder: Int32 = -1
    defer { if folder >= 0 { close(folder) } }
    if path.utf8.count >= capacity {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true)
        let parent = (path.hasPrefix("/") ? "/" : "") + parts.dropLast().joined(separator: "/")
        folder = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return errno }
        short = "/proc/self/fd/\(folder)/\(parts.last ?? "")"
        guard short.utf8.count < capacity else { return ENAMETOOLONG }
    }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: short.utf8) }
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 ? 0 : errno
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    fileprivate var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
