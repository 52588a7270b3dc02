import JobStore
import Jobs
import Varlink

extension ControlDesk {
    func addMonitors(to router: inout Router) {
        router.stream(Watch.self) { reference, stream in try watch(reference, stream) }
        router.stream(Subscribe.self) { _, stream in try subscribe(stream) }
    }

    /// Every change of one job until it ends. Subscribes first and looks then, so that no change falls in between.
    private func watch(_ reference: JobReference, _ stream: ReplyStream<JobProgress>) throws -> JobProgress {
        let id = try answer { try await find(reference, for: stream.peer).id }
        return try board.withSubscription(to: id) { subscription in
            var last: JobProgress?
            while true {
                let current = try answer { try await look(at: id) }
                guard stream.isOpen, !current.job.state.isFinal else { return current }
                if current != last { try stream.send(current) }
                last = current
                guard stream.wait(for: subscription.wakeup) else { return current }
                _ = subscription.take()
            }
        }
    }

    /// Every change of every job until the caller hangs up.
    private func subscribe(_ stream: ReplyStream<Subscribe.Reply>) throws -> Subscribe.Reply {
        guard stream.isOpen else {
            guard let id = board.running else { return Subscribe.Reply(job: nil, progress: nil) }
            let current = try answer { try await look(at: id) }
            return Subscribe.Reply(job: current.job, progress: current.progress)
        }
        return try board.withSubscription { subscription in
            while stream.wait(for: subscription.wakeup) {
                for id in subscription.take() {
                    // A job that was forgotten meanwhile is nothing to tell of.
                    guard let current = try answer({ try await lookIfKnown(at: id) }) else { continue }
                    try stream.send(Subscribe.Reply(job: current.job, progress: current.progress))
                }
            }
            return Subscribe.Reply(job: nil, progress: nil)
        }
    }

    private func look(at id: JobID) async throws -> JobProgress {
        guard let current = try await lookIfKnown(at: id) else { throw CallError.jobNotFound(id.rawValue) }
        return current
    }

    private func lookIfKnown(at id: JobID) async throws -> JobProgress? {
        try await store.job(id).map { JobProgress(job: info($0), progress: board.progress(of: id)) }
    }
}
