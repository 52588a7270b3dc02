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
final class NoticeBoard: Sendable {
    private struct Listeners {
        var nextKey = 0
        var changes: [Int: AsyncStream<JobChange>.Continuation] = [:]
        var claimable: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    private let listeners = Mutex(Listeners())

    func changes() -> AsyncStream<JobChange> {
        let (stream, continuation) = AsyncStream.makeStream(of: JobChange.self, bufferingPolicy: .bufferingNewest(1024))
        let key = listeners.withLock { listeners in
            listeners.nextKey += 1
            listeners.changes[listeners.nextKey] = continuation
            return listeners.nextKey
        }
        continuation.onTermination = { [weak self] _ in
            self?.listeners.withLock { _ = $0.changes.removeValue(forKey: key) }
        }
        return stream
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
        let continuations = listeners.withLock { Array($0.changes.values) }
        for continuation in continuations {
            for change in changes { continuation.yield(change) }
        }
        if changes.contains(where: { $0.state == .queued }) { postClaimable() }
    }

    func postClaimable() {
        let continuations = listeners.withLock { Array($0.claimable.values) }
        for continuation in continuations { continuation.yield() }
    }

    deinit {
        listeners.withLock { listeners in
            for continuation in listeners.changes.values { continuation.finish() }
            for continuation in listeners.claimable.values { continuation.finish() }
        }
    }
}
