import JobStore
import Jobs
import Logging
import Planner
import Rendering
import Spool
import Systemd

// What the worker does with one job.

extension Worker {
    /// The service manager need not hear of every step.
    private static let statusInterval = Duration.seconds(1)

    /// Brings a claimed job to an end; never throws, since nothing of one job may touch another.
    func work(on job: Job) async {
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
        case .failed(RenderingError.memoryWithdrawn(let needed, let limit)):
            try await waitForMemory(job, neededBytes: needed, limitBytes: limit)
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
        // Once: what becomes of the file from here on does not touch the job.
        let initImage = try await inference.initImage(of: job.request, in: spool)
        let (plan, measured) = try await inference.plan(job.request, initImage) { _ in
            watchdog.pet()
            if stop.isStopping { throw Interruption.stopping }
        }
        await keep(measured)
        logger.notice(
            "Started a job",
            metadata: [
                "job.id": "\(job.id)", "job.state": "running", "job.model": "\(plan.variant.model)",
                "job.precision": "\(plan.variant.precision.rawValue)", "job.attempts": "\(job.attempts)",
            ])
        if let warning = plan.warning {
            logger.warning(
                "A job runs at a precision that gains no time here",
                metadata: ["job.id": "\(job.id)", "plan.warning": "\(warning)"])
        }
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
        let (result, learned) = try await inference.render(
            job, initImage, plan, observer: makeObserver
        ) { picture, record in
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

    /// Gives a job back that would fit into what was granted at the start: it is as good as before, and waits.
    private func waitForMemory(_ job: Job, neededBytes: Int, limitBytes: Int) async throws(JobStoreError) {
        let reason = RenderingError.memoryWithdrawn(neededBytes: neededBytes, limitBytes: limitBytes).description
        try await store.release(job.id, at: .now)
        logger.warning(
            "A job waits for memory",
            metadata: ["job.id": "\(job.id)", "job.state": "queued", "job.reason": "\(reason)"])
        board.setWaiting(for: "memory: \(reason)")
        await pause()
        board.setWaiting(for: nil)
    }

    /// Ends or requeues a job that could not be done.
    private func settle(_ job: Job, _ error: any Error) async throws(JobStoreError) {
        var failure = JobFailure(of: error)
        if error.isLackOfRoom {
            logger.warning(
                "A result found no room on the disk", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
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
                logger.error(
                    "The failure could not be written", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
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
