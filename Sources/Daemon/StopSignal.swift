import Foundation
import Synchronization

/// Whether the daemon is asked to stop, for code that no task cancellation reaches.
///
///     running ──request──► stopping ──(grace)──► abandoned ──(farewell)──► overdue
///
/// While stopping, inference ends at the next block. When even that takes longer than the grace, the worker is abandoned, and its job is
/// given back. What still hangs after the farewell, as on a disk that does not answer, is not waited for: the process ends.
package final class StopSignal: Sendable {
    /// How long a step may still take, and after it everything else. With both the daemon is gone within the 10 s that it promises.
    package static let grace = Duration.seconds(8), farewell = Duration.seconds(1)

    /// The ends of waiting, in their order.
    package enum Limit: Int, Sendable, Comparable {
        case abandoned = 1, overdue

        package static func < (one: Limit, other: Limit) -> Bool { one.rawValue < other.rawValue }
    }

    private struct State {
        var isStopping = false
        var reached: Limit?
        var nextKey = 0
        var listeners: [Int: (limit: Limit, body: @Sendable () -> Void)] = [:]
    }

    private let state = Mutex(State())
    private let wait: @Sendable (Duration) -> Void

    /// - Parameter wait: blocks the calling thread for so long; tests have another clock.
    package init(
        wait: @escaping @Sendable (Duration) -> Void = { Thread.sleep(forTimeInterval: $0 / .seconds(1)) }
    ) {
        self.wait = wait
    }

    /// Whether somebody asked to stop.
    package var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Whether the grace is over.
    package var isAbandoned: Bool { state.withLock { $0.reached != nil } }

    /// Whether nothing is waited for any more.
    package var isOverdue: Bool { state.withLock { $0.reached == .overdue } }

    /// How many wait for a limit.
    package var listenerCount: Int { state.withLock { $0.listeners.count } }

    /// Asks to stop, and begins the grace. Once is enough; more often is harmless.
    package func request() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping
        }
        guard isFirst else { return }
        // A thread, since the tasks' own may be what hangs.
        let clock = Thread { [self] in
            wait(Self.grace)
            reach(.abandoned)
            wait(Self.farewell)
            reach(.overdue)
        }
        clock.start()
    }

    /// Runs `body` in a task of its own and answers its value, or nil as soon as `limit` is reached: `body` is then left to itself.
    /// That the calling task is cancelled changes nothing.
    package func unless<Value: Sendable>(
        _ limit: Limit, _ body: @escaping @Sendable () async -> Value
    ) async -> Value? {
        let key = Mutex(0)
        defer { state.withLock { _ = $0.listeners.removeValue(forKey: key.withLock { $0 }) } }
        return await withCheckedContinuation { continuation in
            let answer = Once(continuation)
            key.withLock { $0 = listen(for: limit) { answer.resume(returning: nil) } }
            Task { answer.resume(returning: await body()) }
        }
    }

    /// Calls `body` when `limit` is reached, at once when it has been, and answers the key to forget it by.
    private func listen(for limit: Limit, _ body: @escaping @Sendable () -> Void) -> Int {
        let key: Int? = state.withLock { state in
            if let reached = state.reached, reached >= limit { return nil }
            state.nextKey += 1
            state.listeners[state.nextKey] = (limit, body)
            return state.nextKey
        }
        if key == nil { body() }
        return key ?? 0
    }

    private func reach(_ limit: Limit) {
        let bodies = state.withLock { state in
            state.reached = limit
            let due = state.listeners.filter { $0.value.limit <= limit }
            for key in due.keys { state.listeners.removeValue(forKey: key) }
            return due.values.map(\.body)
        }
        for body in bodies { body() }
    }
}

/// A continuation that several may try to resume; the first does.
private final class Once<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value?, Never>?>

    init(_ continuation: CheckedContinuation<Value?, Never>) { self.continuation = Mutex(continuation) }

    func resume(returning value: sending Value?) {
        let continuation = continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
        continuation?.resume(returning: value)
    }
}
