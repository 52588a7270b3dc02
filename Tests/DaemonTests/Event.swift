import Foundation
import Glibc
import Synchronization

/// Something that happens once, and those who wait for it.
final class Event<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiting: [CheckedContinuation<Value, Never>] = []
    }

    private let state = Mutex(State())

    func set(_ value: Value) {
        let waiting = state.withLock { state in
            state.value = value
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }

    func value() async -> Value {
        await withCheckedContinuation { continuation in
            let value = state.withLock { state in
                if state.value == nil { state.waiting.append(continuation) }
                return state.value
            }
            if let value { continuation.resume(returning: value) }
        }
    }
}

/// What a process writes to its standard error, line by line.
final class LineLog: Sendable {
    private struct State {
        var lines: [String] = []
        var rest = ""
        var isEnded = false
        var waiting: [(id: Int, isIt: @Sendable (String) -> Bool, CheckedContinuation<String?, Never>)] = []
        var nextID = 0
    }

    private let state = Mutex(State())

    /// Everything so far.
    var text: String { state.withLock { ($0.lines + [$0.rest]).joined(separator: "\n") } }

    /// How many lines there are so far.
    var count: Int { state.withLock { $0.lines.count } }

    /// The lines with `words` in them so far.
    func lines(with words: String) -> [String] { state.withLock { $0.lines.filter { $0.contains(words) } } }

    func read(from handle: FileHandle) {
        Thread { [self] in
            // FileHandle's own read waits until it has all that it was asked for.
            var buffer = [UInt8](repeating: 0, count: 1 << 14)
            while case let count = Glibc.read(handle.fileDescriptor, &buffer, buffer.count), count > 0 {
                add(String(decoding: buffer[..<count], as: UTF8.self))
            }
            end()
        }.start()
    }

    /// The first line with all of `words` in it, now or later; nil when the process ends, or the test's time, without one.
    func line(with words: String...) async -> String? {
        await withTaskCancellationHandler {
            await wait(for: words)
        } onCancel: {
            end()
        }
    }

    /// The first line that `isIt`, of those from number `start` on, now or later; nil when the process ends without one.
    func line(from start: Int, where isIt: @escaping @Sendable (String) -> Bool) async -> String? {
        await withTaskCancellationHandler {
            await wait(from: start, for: isIt)
        } onCancel: {
            end()
        }
    }

    private func wait(for words: [String]) async -> String? {
        await wait(from: 0) { line in words.allSatisfy(line.contains) }
    }

    private func wait(from start: Int, for isIt: @escaping @Sendable (String) -> Bool) async -> String? {
        await withCheckedContinuation { continuation in
            let known: String?? = state.withLock { state in
                if let line = state.lines.dropFirst(start).first(where: isIt) { return line }
                if state.isEnded { return .some(nil) }
                state.nextID += 1
                state.waiting.append((state.nextID, isIt, continuation))
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    private func add(_ text: String) {
        let resumed: [(String, CheckedContinuation<String?, Never>)] = state.withLock { state in
            var parts = (state.rest + text).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            state.rest = parts.removeLast()
            state.lines += parts
            var resumed: [(String, CheckedContinuation<String?, Never>)] = []
            state.waiting.removeAll { waiting in
                guard let line = parts.first(where: waiting.isIt) else { return false }
                resumed.append((line, waiting.2))
                return true
            }
            return resumed
        }
        for (line, continuation) in resumed { continuation.resume(returning: line) }
    }

    private func end() {
        let waiting = state.withLock { state in
            state.isEnded = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for (_, _, continuation) in waiting { continuation.resume(returning: nil) }
    }
}

/// The service manager's end of `NOTIFY_SOCKET`.
final class NotificationSocket: Sendable {
    let path: String
    private let descriptor: Int32

    init(path: String) throws {
        self.path = path
        unlink(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let result = withAddress { bind(descriptor, $0, $1) }
        precondition(result == 0, "the test's folder takes a socket")
    }

    deinit { close(descriptor) }

    /// Returns after READY=1, or after `close`. Goes on reading, as a service manager does: a full queue would stop the daemon.
    func waitForReady() async {
        let ready = Event<Void>()
        Thread { [self] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 {
                let message = String(decoding: buffer[..<count], as: UTF8.self)
                if message.hasPrefix("READY=1") || message == "gone" { ready.set(()) }
                if message == "gone" { return }
            }
        }.start()
        await ready.value()
    }

    /// The daemon is gone: nobody else will write.
    func end() {
        _ = withAddress { sendto(descriptor, "gone", 4, 0, $0, $1) }
    }

    private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> some FixedWidthInteger) -> Int {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Int(body($0, socklen_t(MemoryLayout<sockaddr_un>.size)))
            }
        }
    }
}
