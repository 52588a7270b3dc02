import class Compute.StopFlag
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

    /// Brings a claimed job to an end. Nothing of one job may touch another: what it throws is about the queue or the spool as such.
    func work(on job: Job) async throws {
        do {
            try await bringToEnd(job)
        } catch let error as JobStoreError {
            // The job stays running, and the next start decides.
            logger.error("A job's end could not be recorded", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
            switch error {
            case .noSuchJob, .illegalTransition: return
            default: if !(stop.isStopping && error.isTransient) { throw error }
            }
        }
    }

    private func bringToEnd(_ job: Job) async throws {
        if try await patiently(
            .spool, for: job,
            {
                try await disk.run { () throws(SpoolError) in try spool.findResult(job.name, for: job.id) }
            })
        {
            try await record(.finish, of: job)
            return
        }
        switch await outcome(of: job) {
        case .done(let plan, let result):
            try await record(.finish, of: job)
            logger.notice(
                "Finished a job",
                metadata: [
                    "job.id": "\(job.id)", "job.state": "succeeded", "job.model": "\(plan.variant.model)",
                    "job.step": "\(plan.variant.steps)", "job.seconds": "\(result.seconds)",
                    "job.peak_bytes": "\(result.peakBytes)", "job.result": "\(job.name)",
                ])
        case .interrupted(.cancelled):
            try await record(.cancel, of: job)
            logger.notice("Cancelled a job", metadata: ["job.id": "\(job.id)", "job.state": "cancelled"])
        case .interrupted(.stopping), .abandoned:
            try await record(.release, of: job)
            logger.notice("Gave a job back", metadata: ["job.id": "\(job.id)", "job.state": "queued"])
        case .failed(RenderingError.memoryWithdrawn(let needed, let limit)):
            try await waitForMemory(job, neededBytes: needed, limitBytes: limit)
        case .failed(let error): try await settle(job, error)
        }
    }

    /// Has the queue record what became of a running job, and waits for as long as it cannot be written: nobody else may have the job
    /// before. When the daemon stops meanwhile the job stays running, and the next start decides.
    ///
    /// An attempt that seemed to fail may have been recorded all the same: then the next one finds the job where it was to be.
    @discardableResult
    private func record(_ event: JobState.Event, _ failure: JobFailure? = nil, of job: Job) async throws -> Job {
        var isFirst = true
        let settled = try await patiently(.queue, for: job) {
            defer { isFirst = false }
            do {
                return try await store.apply(event, to: job.id, failure: failure, at: .now)
            } catch JobStoreError.illegalTransition(_, _) where !isFirst {
                guard let now = try await store.job(job.id) else { throw JobStoreError.noSuchJob(job.id) }
                return now
            }
        }
        if settled.state.isFinal { watchdog.pet() }
        return settled
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
        let outcome = await stop.unless(.abandoned) { () async -> Outcome in
            do {
                let (plan, result) = try await makePicture(of: job)
                return .done(plan, result)
            } catch let error as Interruption {
                return .interrupted(error)
            } catch RenderingError.interrupted(let reason as Interruption) {
                return .interrupted(reason)
            } catch {
                return .failed(error)
            }
        }
        return outcome ?? .abandoned
    }

    private func makePicture(of job: Job) async throws -> (Plan, Inference.Result) {
        let (board, spool, stop, store, watchdog) = (board, spool, stop, store, watchdog)
        let interruption = { @Sendable () -> Interruption? in
            if stop.isStopping { return .stopping }
            // A database that cannot be read now is asked again at the next step.
            return (try? store.isCancelRequested(job.id)) == true ? .cancelled : nil
        }
        // The inference thread itself looks between two steps; this reaches it in the middle of a block, or of loading a model.
        let stopFlag = StopFlag { watchdog.pet() }
        let lookout = Task { await look(after: job.id, stopFlag) }
        defer { lookout.cancel() }
        // Once: what becomes of the file from here on does not touch the job.
        let initImage = try await inference.initImage(of: job.request, in: spool)
        let (plan, measured) = try await inference.plan(job.request, initImage, stop: stopFlag) { _ in
            if let reason = interruption() { throw reason }
        }
        await keep(measured)
        logger.notice(
            "Started a job",
            metadata: [
                "job.id": "\(job.id)", "job.state": "running", "job.model": "\(plan.variant.model)",
                "job.precision": "\(plan.variant.precision.rawValue)", "job.attempts": "\(job.attempts)",
            ])
        for warning in plan.warnings {
            logger.warning(
                warning == plan.warning ? "A job runs at a precision that gains no time here" : "A job has a warning",
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
            job, initImage, plan, stop: stopFlag, observer: makeObserver)
        try await patiently(.spool, for: job) {
            try await disk.run {
                if stop.isAbandoned { throw Interruption.stopping }
                try spool.writeDone(job.name, picture: result.picture, record: result.record)
            }
        } canGoOn: {
            if let reason = await disk.run(interruption) { throw reason }
        }
        await keep(learned)
        return (plan, result)
    }

    /// Raises `flag` when the daemon stops or somebody cancels the job.
    private func look(after job: JobID, _ flag: StopFlag) async {
        while !Task.isCancelled {
            if stop.isStopping {
                flag.raise(Interruption.stopping)
            } else if let found = try? await store.job(job), found.isCancelRequested {
                flag.raise(Interruption.cancelled)
            }
            try? await Task.sleep(for: Inference.lookInterval)
        }
    }

    /// Keeps costs, and those that could not be kept before. They are only advice: nothing waits for them, or is lost by them.
    func keep(_ learned: [MemberCosts]) async {
        do {
            if try await !ledger.save(learned), !learned.isEmpty {
                logger.warning("What a picture cost is kept in memory until the queue can be written")
            }
        } catch {
            logger.warning("What a picture cost could not be kept", metadata: ["error": "\(error)"])
        }
    }

    /// Gives a job back that would fit into what was granted at the start: it is as good as before, and waits.
    private func waitForMemory(_ job: Job, neededBytes: Int, limitBytes: Int) async throws {
        let reason = RenderingError.memoryWithdrawn(neededBytes: neededBytes, limitBytes: limitBytes).description
        try await record(.release, of: job)
        logger.warning(
            "A job waits for memory",
            metadata: ["job.id": "\(job.id)", "job.state": "queued", "job.reason": "\(reason)"])
        board.setWaiting(for: "memory: \(reason)")
        await pause()
        board.setWaiting(for: nil)
    }

    /// Ends or requeues a job that could not be done.
    private func settle(_ job: Job, _ error: any Error) async throws {
        if error.isLackOfTheHost { return try await giveBack(job, error) }
        var failure = JobFailure(of: error)
        if failure.kind == .transient, job.attempts >= settings.current.maxCrashes {
            failure.kind = .permanent
            failure.message += " (after \(job.attempts) attempts)"
        }
        if failure.kind == .permanent, try await !report(job, failure) {
            try await record(.release, of: job)
            return
        }
        let settled = try await record(.fail(failure.kind), failure, of: job)
        logger.error(
            "A job failed",
            metadata: [
                "job.id": "\(job.id)", "job.state": "\(settled.state.rawValue)", "job.reason": "\(failure.message)",
            ])
        if failure.kind == .transient { await pause() }
    }

    /// The host is at fault, not the job: back into the queue, uncharged, to be taken again in a moment.
    private func giveBack(_ job: Job, _ error: any Error) async throws {
        try await record(.release, of: job)
        logger.warning(
            "A job waits for the host",
            metadata: ["job.id": "\(job.id)", "job.state": "queued", "error": "\(error)"])
        if let error = error as? SpoolError, error.isLossOfSpool { throw error }
        board.setWaiting(for: "\(error)")
        await pause()
        board.setWaiting(for: nil)
    }

    /// Writes `failed/NAME.json`, and waits for room. Where it cannot be written at all the job does not wait for that: the queue knows
    /// the reason too. Answers false when the daemon stops first: then the job is to fail once more.
    private func report(_ job: Job, _ failure: JobFailure) async throws -> Bool {
        do {
            try await patiently(.spool, for: job) {
                do {
                    try await disk.run { try spool.writeFailed(job, failure, at: .now) }
                } catch let error as SpoolError where error.isDenied {
                    throw UnwritableReport(cause: error)
                }
            }
        } catch let error as SpoolError where error.isLossOfSpool {
            try await record(.release, of: job)
            throw error
        } catch let error as SpoolError where error.isTransient {
            return false
        } catch {
            logger.error("The failure could not be written", metadata: ["job.id": "\(job.id)", "error": "\(error)"])
        }
        return true
    }
}

/// `failed/` does not let us write, however long we wait.
private struct UnwritableReport: Error, CustomStringConvertible {
    let cause: SpoolError
    var description: String { cause.description }
}
