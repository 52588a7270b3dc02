import Jobs
import Synchronization
import Varlink

/// What is going on right now, for everybody who watches. Nothing here survives the process, and nothing decides on it.
///
/// The inference thread writes, control threads read. A subscriber gets the ids of the jobs that changed, each once however
/// often it changed in between, so that a slow watcher costs nothing.
final class ProgressBoard: Sendable {
    /// One watcher's pending news.
    final class Subscription: Sendable {
        /// Rings when there is news.
        let wakeup: Wakeup
        private let pending = Mutex<[JobID]>([])

        fileprivate init() throws(VarlinkError) { wakeup = try Wakeup() }

        /// The jobs that changed since the last look, in order.
        func take() -> [JobID] {
            pending.withLock { pending in
                defer { pending = [] }
                return pending
            }
        }

        fileprivate func note(_ id: JobID) {
            pending.withLock { if !$0.contains(id) { $0.append(id) } }
            wakeup.ring()
        }
    }

    private struct State {
        var running: (id: JobID, progress: ProgressInfo)?
        var waitingFor: String?
        var nextKey = 0
        var subscriptions: [Int: Subscription] = [:]
    }

    private let state = Mutex(State())

    /// The running job's progress, if `id` runs.
    func progress(of id: JobID) -> ProgressInfo? {
        state.withLock { $0.running.flatMap { $0.id == id ? $0.progress : nil } }
    }

    /// The job that runs.
    var running: JobID? { state.withLock { $0.running?.id } }

    /// Why nothing is started although jobs wait.
    var waitingFor: String? { state.withLock { $0.waitingFor } }

    /// Says, or takes back, why nothing is started.
    func setWaiting(for reason: String?) {
        state.withLock { $0.waitingFor = reason }
    }

    /// The running job came further.
    func update(_ id: JobID, _ progress: ProgressInfo) {
        state.withLock { $0.running = (id, progress) }
        note(id)
    }

    /// Nothing runs any more.
    func clear() {
        state.withLock { $0.running = nil }
    }

    /// A job is in another state than before.
    func note(_ id: JobID) {
        let subscriptions = state.withLock { Array($0.subscriptions.values) }
        for subscription in subscriptions { subscription.note(id) }
    }

    /// Gives `body` a subscription for as long as it runs.
    func withSubscription<Value>(_ body: (Subscription) throws -> Value) throws -> Value {
        let subscription = try Subscription()
        let key = state.withLock { state in
            state.nextKey += 1
            state.subscriptions[state.nextKey] = subscription
            return state.nextKey
        }
        defer { state.withLock { _ = $0.subscriptions.removeValue(forKey: key) } }
        return try body(subscription)
    }
}
