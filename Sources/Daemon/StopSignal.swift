import Synchronization

/// Whether the daemon is asked to stop, for code that no task cancellation reaches.
///
///     running ──request──► stopping ──(grace)──► abandoned
///
/// While stopping, the worker ends at its next step; when even that takes longer than the grace, the worker is abandoned:
/// its job is given back and the process ends under it.
final class StopSignal: Sendable {
    /// How long a step may still take. With it the daemon is gone within the 10 s that it promises.
    static let grace = Duration.seconds(8)

    private struct State {
        var isStopping = false
        var isAbandoned = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// Whether somebody asked to stop.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Whether the grace is over.
    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }

    /// Asks to stop.
    func request() { state.withLock { $0.isStopping = true } }

    /// Ends the grace.
    func abandon() {
        let listeners = state.withLock { state in
            state.isAbandoned = true
            defer { state.listeners = [] }
            return state.listeners
        }
        for listener in listeners { listener() }
    }

    /// Calls `body` once when the grace ends; at once when it has ended.
    func onAbandon(_ body: @escaping @Sendable () -> Void) {
        let isAbandoned = state.withLock { state in
            if !state.isAbandoned { state.listeners.append(body) }
            return state.isAbandoned
        }
        if isAbandoned { body() }
    }
}
