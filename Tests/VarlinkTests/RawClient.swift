import Glibc
import Jobs
import Varlink

let epoch = Timestamp(millisecondsSinceEpoch: 0)
let sampleID = JobID(rawValue: "a")!

/// A socket without manners, to say what ``Connection`` never would.
final class RawClient {
    private let descriptor: Int32

    init(path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(result == 0, "the test's server listens")
    }

    deinit { close(descriptor) }

    /// Writes what the peer is willing to take.
    func say(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let result = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard result > 0 else { return }
            sent += result
        }
    }

    /// Writes one of `bytes` at a time, as slowly as `interval` says, until all are written or the peer hangs up; answers how many
    /// were written.
    func drip(_ bytes: [UInt8], every interval: Duration) -> Int {
        let milliseconds = Int32(interval / .milliseconds(1))
        for (index, byte) in bytes.enumerated() {
            say([byte])
            // A peer that says something or hangs up is heard at once.
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&event, 1, milliseconds) > 0 { return index + 1 }
        }
        return bytes.count
    }

    /// Blocks until the peer hangs up, whatever it has said.
    func waitForHangUp() {
        var event = pollfd(fd: descriptor, events: 0, revents: 0)
        while poll(&event, 1, -1) < 0, errno == EINTR {}
    }

    /// Whether the peer has said something, or hung up.
    var isAnswered: Bool {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, 0) > 0
    }

    /// Everything until the peer hangs up.
    func hearAll() -> String {
        var heard: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { heard += buffer[..<count] }
        return String(decoding: heard, as: UTF8.self)
    }

    /// Messages up to the `count`th.
    func hear(messages count: Int) -> [String] {
        var heard: [UInt8] = []
        var byte: UInt8 = 0
        while heard.count(where: { $0 == 0 }) < count, recv(descriptor, &byte, 1, 0) == 1 { heard.append(byte) }
        return heard.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
