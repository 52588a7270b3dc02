import Synchronization
import SystemPackage

/// A name seen in `incoming/` whose file is whole. It may be anything: what lies there is looked at when it is taken.
public struct SpoolEntry: Hashable, Sendable, CustomStringConvertible {
    /// The name, byte for byte.
    public let name: FilePath.Component

    /// The entry called `name`.
    public init(name: FilePath.Component) { self.name = name }

    /// The name for a line of a log.
    public var description: String { FilePath.shown(name.string) }
}

/// The names on their way from the thread that watches `incoming/` to whoever takes the files: each once, and only so many.
///
///     watch ── add ──► names ── next ──► intake
///       ▲                │ full: what is left out is found by reading the folder again,
///       └── reading ◄────┘       when there is room
///
/// However long the intake waits and however often files are renamed meanwhile, this stays small.
final class IncomingNames: Sendable {
    /// What the watching thread has to do.
    enum Request: Equatable {
        case nothing
        /// Names were left out and now find room.
        case reading
        /// Nobody reads any more.
        case end
    }

    private struct State {
        var entries: [SpoolEntry] = []
        var known: Set<SpoolEntry> = []
        var hasLeftOut = false
        var isAbandoned = false
        var end: Result<Void, SpoolError>?
    }

    private let capacity: Int
    private let state = Mutex(State())
    private let alarm: Alarm
    private let news: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    /// Holds at most `capacity` names; rings `alarm` when there is a request.
    init(capacity: Int, alarm: Alarm) {
        (self.capacity, self.alarm) = (capacity, alarm)
        (news, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Whether nothing can be added.
    var isFull: Bool { state.withLock { $0.entries.count >= capacity } }

    /// Adds `entry`, unless it waits already or there is no room: then the folder has to be read again.
    func add(_ entry: SpoolEntry) {
        let isNew = state.withLock { state in
            guard !state.known.contains(entry) else { return false }
            guard state.entries.count < capacity else {
                state.hasLeftOut = true
                return false
            }
            state.known.insert(entry)
            state.entries.append(entry)
            return true
        }
        if isNew { bell.yield() }
    }

    /// The folder is to be read as soon as there is room.
    func leaveOut() { state.withLock { $0.hasLeftOut = true } }

    /// What the watching thread has to do now; a reading is asked for once.
    func request() -> Request {
        state.withLock { state in
            if state.isAbandoned { return .end }
            guard state.hasLeftOut, state.entries.count <= capacity / 2 else { return .nothing }
            state.hasLeftOut = false
            return .reading
        }
    }

    /// Nothing will be added any more: what is there is still given out, then the end, or the error.
    func finish(_ end: Result<Void, SpoolError>) {
        state.withLock { $0.end = end }
        bell.finish()
    }

    /// Nobody reads any more.
    func abandon() {
        state.withLock { $0.isAbandoned = true }
        alarm.ring()
    }

    /// The next name; waits for one. Nil at the end, and when the task is cancelled.
    func next() async throws -> SpoolEntry? {
        while true {
            let (entry, wantsReading, end) = state.withLock {
                state -> (SpoolEntry?, Bool, Result<Void, SpoolError>?) in
                guard !state.entries.isEmpty else { return (nil, false, state.end) }
                let entry = state.entries.removeFirst()
                state.known.remove(entry)
                return (entry, state.hasLeftOut && state.entries.count <= capacity / 2, nil)
            }
            if wantsReading { alarm.ring() }
            if let entry { return entry }
            if let end {
                try end.get()
                return nil
            }
            guard await hearNews() else { return nil }
        }
    }

    /// Waits for the bell; false when the task is cancelled.
    private func hearNews() async -> Bool {
        for await _ in news { return true }
        return !Task.isCancelled
    }
}

/// Tells the watching thread that nobody reads any more, when the last copy of what reads is gone.
final class IncomingReader: Sendable {
    private let names: IncomingNames

    init(_ names: IncomingNames) { self.names = names }

    func next() async throws -> SpoolEntry? { try await names.next() }

    deinit { names.abandon() }
}
