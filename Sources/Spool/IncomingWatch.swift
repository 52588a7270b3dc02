import Foundation
import SystemPackage

extension Spool {
    /// Every entry of `incoming/` once it is whole: what is there now, by age, and what comes.
    ///
    /// A file is whole when its writer closes it, when it is renamed into the folder, or when the kernel says that nobody has
    /// it open for writing. The kernel does not say so about files of other users: those that we did not see closed must look the same
    /// for `settling`. A folder, and a file that is no job by its name, must look the same for `unknownFileDelay`, or for `settling` if
    /// that is longer; the delay is asked anew each time, and nil leaves them alone. Names that programs use for unfinished files, and
    /// desktops for themselves, are left alone in any case. The folder is read again every `rescan`, and when events were lost.
    ///
    /// At most `capacity` names wait for the reader, each once. Names beyond that are found when there is room, by reading the folder.
    /// An entry may come twice; `take` answers nil for the second. Throws a `SpoolError` when the folder cannot be read any more; an
    /// error that passes is waited for, and told of. A thread of its own does the work; it ends when the reader goes.
    public func incomingFiles(
        settling: Duration = .seconds(2), rescan: Duration = .seconds(60), capacity: Int = 1024,
        unknownFileDelay: @escaping @Sendable () -> Duration? = { .zero }
    ) throws(SpoolError) -> AsyncThrowingStream<SpoolEntry, any Error> {
        let alarm = try Alarm(for: path(.incoming))
        let names = IncomingNames(capacity: capacity, alarm: alarm)
        let watch = IncomingWatch(
            spool: self, names: names, alarm: alarm, inotify: try Inotify(folder: path(.incoming)),
            rescan: rescan, unknownFileDelay: unknownFileDelay,
            waiting: Settling(interval: settling, capacity: capacity),
            lying: Settling(interval: .zero, capacity: capacity))
        let thread = Thread {
            var watch = watch
            watch.run()
        }
        thread.name = "spool"
        thread.start()
        let reader = IncomingReader(names)
        return AsyncThrowingStream(unfolding: { try await reader.next() })
    }
}

/// The thread that watches `incoming/` with inotify(7). Events are hints; what counts is what lies in the folder.
struct IncomingWatch: Sendable {
    private static let retryInterval = Duration.seconds(5)

    let spool: Spool
    let names: IncomingNames
    let alarm: Alarm
    /// Watches from before the first reading of the folder, so that nothing is missed in between.
    let inotify: Inotify
    let rescan: Duration
    let unknownFileDelay: @Sendable () -> Duration?
    /// Other users' files, which may be written still.
    var waiting: Settling
    /// What is no job by its name, and whose owner may be about to rename it.
    var lying: Settling
    private var nextReading = ContinuousClock.now
    private var isTold = false

    private var folder: FilePath { spool.path(.incoming) }

    init(
        spool: Spool, names: IncomingNames, alarm: Alarm, inotify: Inotify, rescan: Duration,
        unknownFileDelay: @escaping @Sendable () -> Duration?, waiting: Settling, lying: Settling
    ) {
        (self.spool, self.names, self.alarm, self.inotify) = (spool, names, alarm, inotify)
        (self.rescan, self.unknownFileDelay) = (rescan, unknownFileDelay)
        (self.waiting, self.lying) = (waiting, lying)
    }

    /// Blocks until nobody reads any more or the folder fails.
    mutating func run() {
        do throws(SpoolError) {
            while try turn() {}
            names.finish(.success(()))
        } catch {
            names.finish(.failure(error))
        }
    }

    /// One turn: looks at what is due, then waits for more. False at the end.
    private mutating func turn() throws(SpoolError) -> Bool {
        switch names.request() {
        case .end: return false
        case .reading: nextReading = ContinuousClock.now
        case .nothing: break
        }
        do {
            try lookAround(now: ContinuousClock.now)
        } catch {
            guard error.isTransient else { throw error }
            if !isTold { spool.tell(.watchWaits(error)) }
            isTold = true
            nextReading = ContinuousClock.now + Self.retryInterval
        }
        let looks = [waiting.nextLook, unknownFileDelay() == nil ? nil : lying.nextLook].compactMap { $0 }
        try inotify.wait(until: looks.min().map { min($0, nextReading) } ?? nextReading, or: alarm)
        return true
    }

    private mutating func lookAround(now: ContinuousClock.Instant) throws(SpoolError) {
        // Of a file that nobody is seen to close it cannot be told whether it is whole before it has settled.
        if let delay = unknownFileDelay() { lying.interval = max(delay, waiting.interval) }
        if nextReading <= now {
            try read(now: now)
            (nextReading, isTold) = (now + rescan, false)
        }
        for event in try inotify.events() { try note(event, now: now) }
        for name in waiting.due(at: now) { try look(at: name, now: now) }
        if unknownFileDelay() != nil { for name in lying.due(at: now) { try look(at: name, now: now) } }
    }

    private mutating func note(_ event: Inotify.Event, now: ContinuousClock.Instant) throws(SpoolError) {
        switch event {
        case .overflow: nextReading = now
        case .lost: throw .lost(folder)
        case .whole(let name):
            // A folder that was moved here is not whole before it has lain still.
            guard DropName(name) == .job, try Files.status(folder.appending(name))?.kind != S_IFDIR else {
                return try look(at: name, now: now)
            }
            yield(name)
        case .created(let name): try look(at: name, now: now)
        }
    }

    /// Looks at all that lies in the folder, the oldest first. While there is no room for names that would be in vain.
    private mutating func read(now: ContinuousClock.Instant) throws(SpoolError) {
        let all = try spool.withFolders { () throws(SpoolError) in names.isFull ? nil : try Files.names(in: folder) }
        guard let all else { return names.leaveOut() }
        var found: [(name: FilePath.Component, modified: Duration)] = []
        for name in all where DropName(name) != .foreign {
            guard let status = try Files.status(folder.appending(name)) else { continue }
            found.append((name, Duration(status.st_mtim)))
        }
        for (name, _) in found.sorted(by: { ($0.modified, $0.name.string) < ($1.modified, $1.name.string) }) {
            try look(at: name, now: now)
        }
    }

    /// Yields the entry if it is whole. A file that is being written announces its end itself.
    private mutating func look(at name: FilePath.Component, now: ContinuousClock.Instant) throws(SpoolError) {
        let (path, kind) = (folder.appending(name), DropName(name))
        guard kind != .foreign else { return }
        guard let status = try Files.status(path) else { return forget(name) }
        let state = status.kind == S_IFREG ? Writing.state(of: path) : .closed
        guard state != .open else { return forget(name) }
        let appearance = Settling.Appearance(status)
        if kind == .unknown || status.kind == S_IFDIR {
            guard unknownFileDelay() != nil, lying.look(at: name, appearance, now: now) else { return }
        } else if state == .unknown, !waiting.look(at: name, appearance, now: now) {
            return
        }
        yield(name)
    }

    private mutating func yield(_ name: FilePath.Component) {
        forget(name)
        names.add(SpoolEntry(name: name))
    }

    private mutating func forget(_ name: FilePath.Component) {
        waiting.forget(name)
        lying.forget(name)
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
