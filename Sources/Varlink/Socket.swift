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
    /// The mode is set before `listen`: nobody can connect while it is still the umask's.
    static func listen(at path: String, mode: UInt32) throws(VarlinkError) -> Socket {
        var existing = stat()
        if lstat(path, &existing) == 0 {
            guard existing.st_mode & S_IFMT == S_IFSOCK else { throw .cannotListen(path: path, code: EEXIST) }
            unlink(path)
        }
        let descriptor = make()
        guard descriptor >= 0 else { throw .cannotListen(path: path, code: errno) }
        let socket = Socket(descriptor: descriptor)
        let result = withSocketAddress(path) { bind(descriptor, $0, $1) }
        guard result == 0 else { throw .cannotListen(path: path, code: result) }
        guard chmod(path, mode) == 0, Glibc.listen(descriptor, 64) == 0 else {
            throw .cannotListen(path: path, code: errno)
        }
        return socket
    }

    /// The next connection; nil once the socket was shut down, which `isStopping` says where the kernel cannot: a process that has no
    /// descriptor left is refused before the socket is looked at.
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

    func setTimeouts(seconds: Int) {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
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

    /// Writes all of `bytes`; a peer that went away is an error, never a signal.
    func write(_ bytes: [UInt8]) throws(VarlinkError) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if result >= 0 {
                sent += result
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: throw .timedOut
            case EPIPE, ECONNRESET: throw .disconnected
            default: throw .input(code: errno)
            }
        }
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
