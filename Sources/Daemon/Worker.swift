import JobStore
import Jobs
import Logging
import Planner
import Rendering
import ServiceLifecycle
import Spool
import Systemd

/// Makes pictures of queued jobs, one at a time.
///
///     claim ─► plan ─► render ─► writeDone (all three on the inference thread) ─► finish
///               │        │ cancelled: confirmCancel
///               │        │ stopping, no room: release, uncharged
///               └────────┴ failed: failed/NAME.json, then fail
///
/// The picture is on the disk before the queue says so: a crash between the two is mended by ``Recovery``. An error of one job
/// ends that job and nothing else. Nothing wakes up while the queue is empty, except to feed the service manager's watchdog.
struct Worker: Service {
    private static let retryInterval = Duration.seconds(5)
    /// The service manager need not hear of every step.
    private static let statusInterval = Duration.seconds(1)

    let store: JobStore
    let spool: Spool
    let board: ProgressBoard
    let inference: Inference
    let ledger: CostLedger
    let settings: LiveSettings
    let notifier: Notifier
    let watchdog: Watchdog
    let logger: Logger
    let stop = StopSignal()

    /// Works until the daemon stops; then ends after the current step, or abandons it when the grace is over.
    func run() async throws {
        let (wakeups, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        bell.yield()
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in store.claimable() { bell.yield() } }
                group.addTask { await tick(bell) }
                for await _ in wakeups where !stop.isStopping {
                    watchdog.pet()
                    while !stop.isStopping, try await next() { watchdog.pet() }
                }
                group.cancelAll()
            }
        } onGracefulShutdown: {
            notifier.stopping(status: "Ends the current step")
            stop.request()
            bell.finish()
            Task {
                try await Task.sleep(for: StopSignal.grace)
                stop.abandon()
            }
        }
    }

    /// Wakes the loop for the watchdog's sake while nothing is to do: it is the loop that feeds it, not this.
    private func tick(_ bell: AsyncStream<Void>.Continuation) async {
        guard let interval = watchdog.idleInterval else { return }
        while (try? await Task.sleep(for: interval)) != nil { bell.yield() }
    }

    /// Takes the next job and brings it to an end; false when there is none.
    private func next() async throws -> Bool {
        guard try await hasRoom() else { return !stop.isStopping }
        do {
            guard let job = try await store.claim(at: .now) else {
                notifier.status("Idle")
                return false
            }
            await work(on: job)
            board.clear()
            board.note(job.id)
        } catch {
            guard error.isTransient else { throw error }
            let reason = error.description
            logger.warning("The queue cannot be written; waiting", metadata: ["error": "\(reason)"])
            await pause()
        }
        return !stop.isStopping
    }

    // MARK: - Room

    /// Whether the spool has room for a result. Without it nothing is claimed: the jobs wait, and nobody is charged.
    private func hasRoom() async throws -> Bool {
        let reserve = settings.current.freeSpaceReserve.bytes
        let free = try spool.freeSpace()
        if free >= reserve {
            if board.waitingFor != nil { logger.notice("There is room again", metadata: ["disk.free": "\(free)"]) }
            board.setWaiting(for: nil)
            return true
        }
        guard try await store.counts()[.queued] ?? 0 > 0 else { return true }
        if board.waitingFor == nil {
            logger.warning("Jobs wait for room on the disk", metadata: ["disk.free": "\(free)", "disk.reserve": "\(reserve)"])
            notifier.status("Waits for room on the disk")
        }
        board.setWaiting(for: "room on the disk: \(free) bytes are free, \(reserve) are kept (free_space_reserve)")
        await pause()
        return false
    }

    /// Waits a little for something to become better, but not for a daemon that stops.
    private func pause() async {
        watchdog.pet()
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.retryInterval) }
    }

    // MARK: - One job

    private func work(on job: Job) async {
        do {
            try await bringToEnd(job)
        } catch {
            // The queue itself failed: the job stays running, and the next start decides.
            logger.error("A job's end could not be recorded", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
            await pause()
        }
    }

    private func bringToEnd(_ job: Job) async throws(JobStoreError) {
        if spool.hasResult(job.name, for: job.id) {
            try await store.finish(job.id, at: .now)
            return
        }
        switch await outcome(of: job) {
        case .done(let plan, let result):
            try await store.finish(job.id, at: .now)
            logger.notice(
                "Finished a job",
                metadata: [
                    "job.id": "\(job.id)", "job.state": "succeeded", "job.model": "\(plan.variant.model)",
                    "job.step": "\(plan.variant.steps)", "job.seconds": "\(result.seconds)",
                    "job.peak_bytes": "\(result.peakBytes)", "job.result": "\(job.name)",
                ])
        case .interrupted(.cancelled):
            try await store.confirmCancel(job.id, at: .now)
            logger.notice("Cancelled a job", metadata: ["job.id": "\(job.id)", "job.state": "cancelled"])
        case .interrupted(.stopping), .abandoned:
            try await store.release(job.id, at: .now)
            logger.notice("Gave a job back", metadata: ["job.id": "\(job.id)", "job.state": "queued"])
        case .failed(let error): try await settle(job, error)
        }
    }

    /// What became of the attempt to make a picture.
    private enum Outcome: Sendable {
        case done(Plan, Inference.Result)
        case interrupted(Interruption)
        case failed(any Error)
        /// The daemon stops and the step did not end in time.
        case abandoned
    }

    /// Waits for the picture, but not longer than the daemon may take to stop.
    private func outcome(of job: Job) async -> Outcome {
        let (outcomes, continuation) = AsyncStream.makeStream(of: Outcome.self, bufferingPolicy: .bufferingOldest(1))
        stop.onAbandon { continuation.yield(.abandoned) }
        Task {
            do {
                let (plan, result) = try await makePicture(of: job)
                continuation.yield(.done(plan, result))
            } catch let error as Interruption {
                continuation.yield(.interrupted(error))
            } catch RenderingError.interrupted(let reason as Interruption) {
                continuation.yield(.interrupted(reason))
            } catch {
                continuation.yield(.failed(error))
            }
        }
        for await outcome in outcomes { return outcome }
        return .abandoned
    }

    private func makePicture(of job: Job) async throws -> (Plan, Inference.Result) {
        let (board, spool, stop, store, watchdog) = (board, spool, stop, store, watchdog)
        let interruption = { @Sendable () -> Interruption? in
            if stop.isStopping { return .stopping }
            // A database that cannot be read now is asked again at the next step.
            return (try? store.isCancelRequested(job.id)) == true ? .cancelled : nil
        }
        let (plan, measured) = try await inference.plan(job.request) { _ in
            watchdog.pet()
            if stop.isStopping { throw Interruption.stopping }
        }
        await keep(measured)
        logger.notice(
            "Started a job",
            metadata: [
                "job.id": "\(job.id)", "job.state": "running", "job.model": "\(plan.variant.model)",
                "job.attempts": "\(job.attempts)",
            ])
        let notifier = notifier
        let makeObserver = { @Sendable () -> RenderObserver in
            var lastStatus = ContinuousClock.now - Self.statusInterval
            return RenderObserver(id: job.id, board: board) {
                watchdog.pet()
            } onStep: { progress in
                let now = ContinuousClock.now
                guard now - lastStatus >= Self.statusInterval else { return }
                lastStatus = now
                notifier.status("\(job.name): \(progress.stage), step \(progress.step) of \(progress.steps)")
            } interruption: {
                interruption()
            }
        }
        let (result, learned) = try await inference.render(job, plan, observer: makeObserver) { picture, record in
            if stop.isAbandoned { throw Interruption.stopping }
            try spool.writeDone(job.name, picture: picture, record: record)
        }
        await keep(learned)
        return (plan, result)
    }

    /// Costs are only advice: that they cannot be kept is no reason to lose a picture.
    private func keep(_ learned: [MemberCosts]) async {
        do {
            try await ledger.save(learned)
        } catch {
            logger.warning("What a picture cost could not be kept", metadata: ["error": "\(error)"])
        }
    }

    /// Ends or requeues a job that could not be done.
    private func settle(_ job: Job, _ error: any Error) async throws(JobStoreError) {
        var failure = JobFailure(of: error)
        if error.isLackOfRoom {
            logger.warning("A result found no room on the disk", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
            try await store.release(job.id, at: .now)
            return await pause()
        }
        if failure.kind == .transient, job.attempts >= settings.current.maxCrashes {
            failure.kind = .permanent
            failure.message += " (after \(job.attempts) attempts)"
        }
        if failure.kind == .permanent {
            // A failed/ that cannot be written must not keep the job running: the queue knows the reason too.
            do {
                try spool.writeFailed(job, failure, at: .now)
            } catch {
                logger.error("The failure could not be written", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
            }
        }
        let settled = try await store.fail(job.id, failure, at: .now)
        logger.error(
            "A job failed",
            metadata: [
                "job.id": "\(job.id)", "job.state": "\(settled.state.rawValue)", "job.reason": "\(failure.message)",
            ])
        if failure.kind == .transient { await pause() }
    }
}
