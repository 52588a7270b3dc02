import Foundation
import SystemPackage

extension Spool {
    /// Every entry of `incoming/` once it is whole: what is there now, by age, and what comes.
    ///
    /// A file is whole when its writer closes it, when it is renamed into the folder, or when the kernel says that nobody has
    /// it open for writing. The kernel does not say so about files of other users: those that nobody closed before our eyes
    /// must look the same for `settling`. The folder is read again every `rescan`, and when events were lost. An
    /// entry may come twice; `take` answers nil for the second. Throws a `SpoolError` when the folder cannot be read any more.
    /// A thread of its own does the work; it ends when the reader goes.
    public func incomingFiles(
        settling: Duration = .seconds(2), rescan: Duration = .seconds(60)
    ) throws(SpoolError) -> AsyncThrowingStream<SpoolEntry, any Error> {
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: SpoolEntry.self)
        let watch = try IncomingWatch(folder: path(.incoming), settling: settling, rescan: rescan, continuation)
        continuation.onTermination = { [alarm = watch.alarm] _ in alarm.ring() }
        let thread = Thread { watch.run() }
        thread.name = "spool"
        thread.start()
        return stream
    }
}

/// The thread that watches `incoming/` with inotify(7). Events are hints; what counts is what lies in the folder.
struct IncomingWatch: Sendable {
    typealias Continuation = AsyncThrowingStream<SpoolEntry, any Error>.Continuation

    let alarm: Alarm
    private let inotify: Inotify
    private let folder: FilePath
    private let settling: Duration
    private let rescan: Duration
    private let continuation: Continuation

    /// Watches from here on, so that nothing is missed between the first reading of the folder and the first event.
    init(
        folder: FilePath, settling: Duration, rescan: Duration, _ continuation: Continuation
    ) throws(SpoolError) {
        self.alarm = try Alarm(for: folder)
        self.inotify = try Inotify(folder: folder)
        self.folder = folder
        self.settling = settling
        self.rescan = rescan
        self.continuation = continuation
    }

    /// Blocks until the alarm rings or the folder fails.
    func run() {
        do throws(SpoolError) {
            try watch()
            continuation.finish()
        } catch {
            continuation.finish(throwing: error)
        }
    }

    private func watch() throws(SpoolError) {
        let clock = ContinuousClock()
        var waiting = Settling(interval: settling)
        var nextScan = clock.now
        while true {
            if nextScan <= clock.now {
                try scan(&waiting, now: clock.now)
                nextScan = clock.now.advanced(by: rescan)
            }
            for name in waiting.due(at: clock.now) { try look(at: name, &waiting, now: clock.now) }
            let wake = min(nextScan, waiting.nextLook ?? nextScan)
            guard try inotify.wait(until: wake, or: alarm) else { return }
            for event in try inotify.events() {
                switch event {
                case .overflow: nextScan = clock.now
                case .lost: throw .system(operation: "watch", path: folder, errno: .noSuchFileOrDirectory)
                case .whole(let name) where !SpoolEntry.isIgnored(name):
                    waiting.forget(name)
                    continuation.yield(SpoolEntry(name: name))
                case .created(let name) where !SpoolEntry.isIgnored(name):
                    try look(at: name, &waiting, now: clock.now)
                case .whole, .created: break
                }
            }
        }
    }

    /// Looks at all that lies in the folder, the oldest first.
    private func scan(_ waiting: inout Settling, now: ContinuousClock.Instant) throws(SpoolError) {
        var found: [(name: FilePath.Component, modified: Duration)] = []
        for name in try Files.names(in: folder) where !SpoolEntry.isIgnored(name) {
            guard let status = try Files.status(folder.appending(name)) else { continue }
            found.append((name, Duration(status.st_mtim)))
        }
        for (name, _) in found.sorted(by: { ($0.modified, $0.name.string) < ($1.modified, $1.name.string) }) {
            try look(at: name, &waiting, now: now)
        }
    }

    /// Yields the entry if it is whole, or is no file at all. One that is being written announces its end itself.
    private func look(
        at name: FilePath.Component, _ waiting: inout Settling, now: ContinuousClock.Instant
    ) throws(SpoolError) {
        let path = folder.appending(name)
        guard let status = try Files.status(path) else { return waiting.forget(name) }
        let isWhole: Bool
        switch status.kind == S_IFREG ? Writing.state(of: path) : .closed {
        case .closed: isWhole = true
        case .open: isWhole = false
        case .unknown: isWhole = waiting.look(at: name, Settling.Appearance(status), now: now)
        }
        guard isWhole else { return }
        waiting.forget(name)
        continuation.yield(SpoolEntry(name: name))
    }
}

extension Settling.Appearance {
    fileprivate init(_ status: stat) {
        self.init(
            inode: UInt64(status.st_ino), size: Int64(status.st_size), modified: Duration(status.st_mtim),
            changed: Duration(status.st_ctim))
    }
}

extension Duration {
    fileprivate init(_ time: timespec) {
        self = .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}
