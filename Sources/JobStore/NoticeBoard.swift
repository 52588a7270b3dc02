import Jobs
import Synchronization

/// That a job is in another state than before.
public struct JobChange: Sendable, Equatable {
    /// The job.
    public let id: JobID
    /// The state that it has now.
    public let state: JobState
}

/// Tells whoever listens that jobs changed, after the commit.
///
/// Nothing is kept here for a listener that is slow: changes are handed over in the call that makes them, and a wake-up stands for the
/// whole queue.
final class NoticeBoard: Sendable {
    private struct Listeners {
        var nextKey = 0
        var changes: [@Sendable ([JobChange]) -> Void] = []
        var claimable: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let listeners = Mutex(Listeners())

    func onChange(_ body: @escaping @Sendable ([JobChange]) -> Void) {
        listeners.withLock { $0.changes.append(body) }
    }

    /// One wake-up is kept for a listener that is busy, since it looks at the whole queue anyway.
    func claimable() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let key = listeners.withLock { listeners in
            listeners.nextKey += 1
            listeners.claimable[listeners.nextKey] = continuation
            return listeners.nextKey
        }
        continuation.onTermination = { [weak self] _ in
            self?.listeners.withLock { _ = $0.claimable.removeValue(forKey: key) }
        }
        continuation.yield()
        return stream
    }

    func post(_ changes: [JobChange]) {
        if changes.isEmpty { return }
        let bodies = listeners.withLock { $0.changes }
        for body in bodies { body(changes) }
        if changes.contains(where: { $0.state == .queued }) { postClaimable() }
    }

    func postClaimable() {
        let continuations = listeners.withLock { Array($0.claimable.values) }
        for continuation in continuations { continuation.yield() }
    }

    deinit {
        listeners.withLock { listeners in
            for continuation in listeners.claimable.values { continuation.finish() }
        }
    }
}
