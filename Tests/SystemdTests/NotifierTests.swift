import Foundation
import Synchronization
import Systemd
import Testing

/// The service manager's end of the notification socket.
final class ServiceManager {
    let path = FileManager.default.temporaryDirectory.appending(path: "latentd-\(UUID().uuidString).notify").path
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }

    deinit {
        close(descriptor)
        unlink(path)
    }

    /// The messages that arrived so far.
    func messages() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count >= 0 {
            messages.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
        return messages
    }
}

@Suite("The notification socket")
struct NotifierTests {
    @Test("a service's life is told in sd_notify's words")
    func life() throws {
        let manager = try ServiceManager()
        let notifier = Notifier(socketPath: manager.path)
        notifier.ready(status: "Idle")
        notifier.status("Job 7,\nstep 3 of 8")
        notifier.stopping()
        #expect(manager.messages() == ["READY=1\nSTATUS=Idle", "STATUS=Job 7, step 3 of 8", "STOPPING=1"])
    }

    @Test("a manager that does not read holds nobody up", .timeLimit(.minutes(1)))
    func fullQueue() throws {
        let manager = try ServiceManager()
        let notifier = Notifier(socketPath: manager.path)
        for number in 0..<2000 { notifier.status("step \(number)") }
        notifier.stopping()
        #expect(manager.messages().first == "STATUS=step 0")
        notifier.ready()
        #expect(manager.messages() == ["READY=1"])
    }

    @Test("a reload carries the time by which the manager orders it")
    func reload() throws {
        let manager = try ServiceManager()
        Notifier(socketPath: manager.path).reloading()
        let message = try #require(manager.messages().first)
        #expect(message.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=\d+/) != nil)
    }

    @Test(
        "without a manager, or with one that is gone, nothing happens",
        arguments: [
            nil, "", "/nonexistent/notify", String(repeating: "x", count: 200),
        ])
    func nobody(path: String?) {
        Notifier(socketPath: path).ready()
    }
}

@Suite("The watchdog")
struct WatchdogTests {
    @Test("progress is reported at most once a quarter of the interval")
    func rateLimit() throws {
        let manager = try ServiceManager()
        let clock = Mutex(Duration.seconds(1000))
        let watchdog = Watchdog(
            notifier: Notifier(socketPath: manager.path), interval: .seconds(20), now: { clock.withLock { $0 } })
        for _ in 0..<100 {
            watchdog.pet()
            clock.withLock { $0 += .milliseconds(500) }
        }
        #expect(manager.messages() == Array(repeating: "WATCHDOG=1", count: 10))
    }

    @Test("nobody is told anything when no watchdog was announced")
    func inactive() throws {
        let manager = try ServiceManager()
        Watchdog(notifier: Notifier(socketPath: manager.path), interval: nil).pet()
        #expect(manager.messages().isEmpty)
    }

    @Test("the announced interval is in microseconds and for one process")
    func announcement() {
        func interval(_ microseconds: String?, _ watched: String?) -> Duration? {
            Watchdog.announcedInterval(microseconds: microseconds, watchedProcess: watched, process: 42)
        }
        #expect(interval("2000000", nil) == .seconds(2))
        #expect(interval("2000000", "42") == .seconds(2))
        #expect(interval("2000000", "41") == nil)
        #expect(interval("0", nil) == nil)
        #expect(interval("soon", nil) == nil)
        #expect(interval(nil, nil) == nil)
    }

    @Test("an idle daemon has time to report twice before the manager acts")
    func idle() {
        #expect(Watchdog(notifier: Notifier(socketPath: nil), interval: .seconds(20)).idleInterval == .seconds(10))
    }
}
