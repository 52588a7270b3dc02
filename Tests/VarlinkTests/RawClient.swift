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
