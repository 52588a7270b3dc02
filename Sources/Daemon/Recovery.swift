import JobStore
import Jobs
import Logging
import Spool

/// Brings queue and spool into agreement after a daemon that died; once, before READY=1.
///
///     running, its result in done/     ──► succeeded
///     running, asked to be cancelled   ──► cancelled
///     running, tried too often         ──► failed (failed/NAME.json first)
///     running                          ──► queued, the attempt stays counted
///
/// What lies in `work/` is left to the intake. A recovery that dies is done again from the start, with the same result. A full disk
/// delays the start.
struct Recovery {
    let store: JobStore
    let spool: Spool
    let disk: DiskThread
    let maxCrashes: Int
    let clock: Clock
    let logger: Logger

    /// Decides on every job that a dead daemon left running.
    func run() async throws {
        for job in try await persist({ try await store.running() }) {
            let settled = try await persist { try await settle(job) }
            logger.notice(
                "Recovered a job that was running when the daemon died",
                metadata: [
                    "job.id": "\(job.id)", "job.state": "\(settled.state.rawValue)", "job.attempts": "\(job.attempts)",
                ])
        }
    }

    private func settle(_ job: Job) async throws -> Job {
        if try await disk.run({ try spool.findResult(job.name, for: job.id) }) {
            return try await store.finish(job.id, at: clock.now())
        }
        if job.isCancelRequested { return try await store.confirmCancel(job.id, at: clock.now()) }
        guard job.attempts >= maxCrashes else { return try await store.requeue(job.id, at: clock.now()) }
        let failure = JobFailure(
            kind: .permanent, code: JobFailure.Code.crashed,
            message: "the daemon died \(job.attempts) times under this job; 'latentctl retry \(job.id)' tries it again")
        try await disk.run { try spool.writeFailed(job, failure, at: clock.now()) }
        return try await store.fail(job.id, failure, at: clock.now())
    }

    /// Repeats `body` while an error that passes by itself stops it: a start that gave up would be tried again by the service manager
    /// only so many times. Nothing answers a stop before READY=1, so that SIGTERM ends this at once.
    private func persist<Value>(_ body: () async throws -> Value) async throws -> Value {
        var pauses = Pauses()
        while true {
            do {
                return try await body()
            } catch  where error.isTransient {
                if !pauses.hasBegun { logger.warning("The start waits", metadata: ["error": "\(error)"]) }
                await pause(for: pauses.next())
            }
        }
    }
}
