import Jobs
import Synchronization
import Varlink

/// What is going on right now, for everybody who watches. Nothing here survives the process, and nothing decides on it.
///
/// The inference thread writes, control threads read. A subscriber gets the ids of the jobs that changed, each once however
/// often it changed in between, so that a slow watcher costs nothing.
package final class ProgressBoard: Sendable {
    /// One watcher's pending news: no more than there are jobs.
    package final class Subscription: Sendable {
        private struct Pending {
            var order: [JobID] = []
            var known: Set<JobID> = []
        }

        /// Rings when there is news.
        package let wakeup: Wakeup
        private let subject: JobID?
        private let pending = Mutex(Pending())

        fileprivate init(_ subject: JobID?) throws(VarlinkError) {
            self.subject = subject
            wakeup = try Wakeup()
        }

        /// The jobs that changed since the last look, in order.
        package func take() -> [JobID] {
            pending.withLock { pending in
                defer { pending = Pending() }
                return pending.order
            }
        }

        fileprivate func note(_ id: JobID) {
            if let subject, subject != id { return }
            let isFirst = pending.withLock { pending in
                guard pending.known.insert(id).inserted else { return false }
                pending.order.append(id)
                return pending.order.count == 1
            }
            // A look takes all the news. For news that nobody has taken yet the bell has rung already.
            if isFirst { wakeup.ring() }
        }
    }

    private struct State {
        var running: (id: JobID, progress: ProgressInfo?)?
        var waitingFor: String?
        var nextKey = 0
        var subscriptions: [Int: Subscription] = [:]
    }

    private let state = Mutex(State())

    /// Nothing runs, and nobody watches.
    package init() {}

    /// The running job's progress, if `id` runs and has come to any.
    package func progress(of id: JobID) -> ProgressInfo? {
        state.withLock { $0.running.flatMap { $0.id == id ? $0.progress : nil } }
    }

    /// The job that runs: from its claim to its end.
    package var running: JobID? { state.withLock { $0.running?.id } }

    /// Why nothing is started although jobs wait.
    var waitingFor: String? { state.withLock { $0.waitingFor } }

    /// Says, or takes back, why nothing is started.
    func setWaiting(for reason: String?) {
        state.withLock { $0.waitingFor = reason }
    }

    /// A job was claimed.
    package func begin(_ id: JobID) {
        state.withLock { $0.running = (id, nil) }
    }

    /// The running job came further.
    package func update(_ id: JobID, _ progress: ProgressInfo) {
        state.withLock { $0.running = (id, progress) }
        note(id)
    }

    /// Nothing runs any more.
    package func clear() {
        state.withLock { $0.running = nil }
    }

    /// A job is in another state than before.
    package func note(_ id: JobID) {
        let subscriptions = state.withLock { Array($0.subscriptions.values) }
        for subscription in subscriptions { subscription.note(id) }
    }

    /// Gives `body` a subscription to one job, or to all, for as long as it runs.
    package func withSubscription<Value>(
        to subject: JobID? = nil, _ body: (Subscription) throws -> Value
    ) throws -> Value {
        let subscription = try Subscription(subject)
        let key = state.withLock { state in
            state.nextKey += 1
            state.subscriptions[state.nextKey] = subscription
            return state.nextKey
        }
        defer { state.withLock { _ = $0.subscriptions.removeValue(forKey: key) } }
        return try body(subscription)
    }
}
