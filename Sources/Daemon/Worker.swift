import JobStore
import Jobs
import Logging
import Planner
import ServiceLifecycle
import Spool
import Systemd

/// Makes pictures of queued jobs, one at a time: does what ``WorkerState`` says, and tells it what came of it.
///
/// The picture is on the disk before the queue says so: a crash between the two is mended by ``Recovery``. Nothing wakes up while the
/// queue is empty, except to feed the service manager's watchdog.
///
/// The watchdog hears of what got done: a block of a network, a job's end, an empty queue that was looked at, a wait of some seconds for
/// something to become better. It does not hear of the loop's turns.
struct Worker: Service {
    let store: JobStore
    let spool: Spool
    let board: ProgressBoard
    let inference: Inference
    let ledger: CostLedger
    let settings: LiveSettings
    let notifier: Notifier
    let watchdog: Watchdog
    let clock: Clock
    let logger: Logger
    let stop: StopSignal
    private let disk = DiskThread(name: "worker-disk")

    /// Works until the daemon stops, or the task is cancelled; then ends after the current block, or abandons it when the grace is over.
    func run() async throws {
        let (wakeups, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Listens before the first look, so that no job comes unnoticed in between.
        let claimable = store.claimable()
        bell.yield()
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in claimable { bell.yield() } }
                group.addTask { await tick(bell) }
                var state = WorkerState(idleInterval: watchdog.idleInterval)
                for await _ in wakeups {
                    var event: WorkerState.Event? = .woken
                    while let current = event {
                        event = nil
                        for action in state.applying(current, isEnding: isEnding, settings: settings.current) {
                            if action == .giveUp, let failure = state.failure { throw failure }
                            event = await perform(action)
                        }
                    }
                    if isEnding { break }
                    // What is computed for somebody else feeds the watchdog itself, or is found to hang.
                    if !inference.isBusy { watchdog.pet() }
                }
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            bell.finish()
        }
    }

    /// Wakes the loop while there is nothing to do, so that the loop feeds the watchdog.
    private func tick(_ bell: AsyncStream<Void>.Continuation) async {
        guard let interval = watchdog.idleInterval else { return }
        while (try? await Task.sleep(for: interval)) != nil { bell.yield() }
    }

    private var isEnding: Bool { stop.isStopping || Task.isShuttingDownGracefully || Task.isCancelled }

    /// Does what the state says. Answers what came of it, where the state waits for that.
    private func perform(_ action: WorkerState.Action) async -> WorkerState.Event? {
        switch action {
        case .log(let level, let sentence, let metadata): logger.log(level: level, sentence, metadata: metadata)
        case .show(let reason): board.setWaiting(for: reason)
        case .status(let text): notifier.status(text)
        case .pet: watchdog.pet()
        case .begin(let id): board.begin(id)
        case .leave(let id):
            board.clear()
            board.note(id)
        case .keep(let learned): await keep(learned)
        case .perform(let step, let isAgain):
            do { return try await perform(step, isAgain: isAgain) } catch { return .failed(error) }
        case .pause(let duration):
            watchdog.pet()
            await pause(for: duration)
            return .paused
        case .rest, .giveUp: break
        }
        return nil
    }

    private func perform(_ step: WorkerState.Step, isAgain: Bool) async throws -> WorkerState.Event {
        switch step {
        case .measureRoom: return .room(try await disk.run { try spool.freeSpace() })
        case .countJobs: return .queued(try await store.counts()[.queued] ?? 0)
        case .claim: return .claimed(try await store.claim(at: clock.now()))
        case .findResult(let job):
            return .searched(isThere: try await disk.run { try spool.findResult(job.name, for: job.id) })
        case .makePicture(let job): return await unlessAbandoned { .made(try await makePicture(of: job)) }
        case .deliver(let job, let picture):
            return await unlessAbandoned { try await deliver(picture, of: job, isAgain: isAgain) }
        case .report(let job, let failure):
            try await disk.run { try spool.writeFailed(job, failure, at: clock.now()) }
            return .reported
        case .record(let job, let event, let failure):
            return .recorded(try await record(event, failure, of: job, isAgain: isAgain))
        }
    }

    /// Waits for `body`, but not longer than the daemon may take to stop.
    private func unlessAbandoned(
        _ body: @escaping @Sendable () async throws -> WorkerState.Event
    ) async -> WorkerState.Event {
        await stop.unless(.abandoned) { () async -> WorkerState.Event in
            do { return try await body() } catch { return .failed(error) }
        } ?? .abandoned
    }

    private func makePicture(of job: Job) async throws -> MadePicture {
        // The inference thread itself looks between two steps; the flag reaches it in the middle of a block, or of loading a model.
        try await inference.withStopFlag {
            (try? await store.job(job.id))?.isCancelRequested == true
        } during: { flag in
            // Read once: what becomes of the file from here on does not touch the job.
            let initImage = try await inference.initImage(of: job.request, in: spool)
            let (plan, measured) = try await inference.plan(job.request, initImage, stop: flag) { _ in
                if let reason = interruption(of: job) { throw reason }
            }
            await keep(measured)
            tell(plan, of: job)
            let observer = RenderObserver(
                job: job, board: board, watchdog: watchdog, notifier: notifier, clock: clock
            ) {
                interruption(of: job)
            }
            return try await inference.render(job, initImage, plan, stop: flag, observer: observer)
        }
    }

    /// Why the job is to be given up, if it is. Blocks for the queue, so that only threads that may do so ask.
    private func interruption(of job: Job) -> Interruption? {
        if stop.isStopping { return .stopping }
        // A database that cannot be read now is asked again at the next step.
        return (try? store.isCancelRequested(job.id)) == true ? .cancelled : nil
    }

    private func tell(_ plan: Plan, of job: Job) {
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
    }

    /// Writes the picture and its record. A job that was cancelled while its picture waited for room is not delivered any more.
    private func deliver(_ picture: MadePicture, of job: Job, isAgain: Bool) async throws -> WorkerState.Event {
        try await disk.run {
            if isAgain, let reason = interruption(of: job) { throw reason }
            if stop.isAbandoned { throw Interruption.stopping }
            try spool.writeDone(job.name, picture: picture.picture, record: picture.record)
        }
        return .delivered
    }

    /// Has the queue record what became of a running job. An attempt that seemed to fail may have been recorded all the same: then the
    /// next one finds the job where it was to be.
    private func record(
        _ event: JobState.Event, _ failure: JobFailure?, of job: Job, isAgain: Bool
    ) async throws -> JobState {
        do {
            return try await store.apply(event, to: job.id, failure: failure, at: clock.now()).state
        } catch JobStoreError.illegalTransition(_, _) where isAgain {
            guard let now = try await store.job(job.id) else { throw JobStoreError.noSuchJob(job.id) }
            return now.state
        }
    }

    /// Keeps costs, and those that could not be kept before. They are only advice: nothing waits for them, and nothing is lost with them.
    private func keep(_ learned: [MemberCosts]) async {
        do {
            if try await !ledger.save(learned), !learned.isEmpty {
                logger.warning("What a picture cost is kept in memory until the queue can be written")
            }
        } catch {
            logger.warning("What a picture cost could not be kept", metadata: ["error": "\(error)"])
        }
    }
}
