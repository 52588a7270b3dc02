import Foundation
import Glibc
import Synchronization

/// Sees which thread of a process opens the files of some folders, by fanotify(7), which only root may use.
final class FileWitness: Sendable {
    /// A file that was opened, and the name of the thread that did it.
    struct Opening: Sendable {
        let file: String
        let thread: String
    }

    private typealias Initialize = @convention(c) (UInt32, UInt32) -> Int32
    private typealias Mark = @convention(c) (Int32, UInt32, UInt64, Int32, UnsafePointer<CChar>) -> Int32

    /// The head of an event, as in `linux/fanotify.h`.
    private struct Event {
        var length: UInt32
        var version: UInt8
        var reserved: UInt8
        var headLength: UInt16
        var mask: UInt64
        var descriptor: Int32
        var thread: Int32
    }

    private let descriptor: Int32
    private let openings = Mutex<[Opening]>([])

    static var isPossible: Bool { (try? FileWitness([NSTemporaryDirectory()])) != nil }

    init(_ folders: [String]) throws {
        // Glibc's module leaves the header out. FAN_CLOEXEC | FAN_REPORT_TID; FAN_MARK_ADD; FAN_OPEN | FAN_EVENT_ON_CHILD.
        guard let initialize = dlsym(nil, "fanotify_init"), let mark = dlsym(nil, "fanotify_mark") else {
            throw POSIXError(.ENOSYS)
        }
        descriptor = unsafeBitCast(initialize, to: Initialize.self)(0x1 | 0x100, UInt32(O_RDONLY | O_CLOEXEC))
        guard descriptor >= 0 else { throw POSIXError(.EPERM) }
        for folder in folders {
            guard unsafeBitCast(mark, to: Mark.self)(descriptor, 1, 0x20 | 0x0800_0000, AT_FDCWD, folder) == 0 else {
                throw POSIXError(.EPERM)
            }
        }
    }

    deinit { close(descriptor) }

    /// What `process`, or without one any process but this, opened while `body` ran.
    func openings(by process: Int32? = nil, during body: () async throws -> Void) async throws -> [Opening] {
        let isOver = Mutex(false)
        let reader = Task { [self] in
            await onThread {
                while true {
                    var head = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
                    if poll(&head, 1, 20) > 0 { self.read(of: process) } else if isOver.withLock({ $0 }) { return }
                }
            }
        }
        do { try await body() } catch {
            isOver.withLock { $0 = true }
            await reader.value
            throw error
        }
        isOver.withLock { $0 = true }
        await reader.value
        return openings.withLock { $0 }
    }

    private func read(of process: Int32?) {
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        var offset = 0
        while offset + MemoryLayout<Event>.size <= count {
            let event = buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Event.self) }
            offset += Int(event.length)
            // Of other processes, and of threads that ended since, nothing is known.
            let task = process.map { "/proc/\($0)/task/\(event.thread)" } ?? "/proc/\(event.thread)"
            let isOurs = access("/proc/self/task/\(event.thread)", F_OK) == 0
            if !isOurs, let name = try? String(contentsOfFile: task + "/comm", encoding: .utf8),
                let file = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/self/fd/\(event.descriptor)")
            {
                openings.withLock { $0.append(Opening(file: file, thread: name.trimmingCharacters(in: .newlines))) }
            }
            close(event.descriptor)
        }
    }
}
