import JobStore
import Jobs
import Logging
import Planner
import Rendering
import Settings
import Spool

//            woken          enough              a job           no result         made
//  resting ────────► room ────────► claim ─────────────► search ─────────► picture ─────► delivery
//     ▲              │  ▲ │           │ none               │ result           │ not made     │
//     │              │  └─┘ too little│                    │                  ▼              │
//     ├──────────────┴────────────────┘                    │               report            │
//     │ nothing is queued, or the daemon ends              ▼     for good     ▼              │
//     └──────────────────────────────────────────────── record ◄──────────────┴──────────────┘

/// What the worker decides, as a value: it is told what happened and answers what is to be done. It does nothing itself.
///
/// Of the actions of one answer all but the last are done in passing. The last one is `perform` or `pause`, whose end is the next event,
/// or `rest`, after which the next event is `woken`, or `giveUp`, after which there is none.
///
/// What an error that may pass has stopped is tried again after a pause, for as long as it takes: nothing else could be written either.
/// An error of one job ends that job and nothing else.
package struct WorkerState {
    /// A piece of work.
    package enum Step: Equatable, Sendable {
        case measureRoom
        /// Counts the jobs that wait, while only so many bytes are free.
        case countJobs(free: Int)
        case claim
        /// Looks whether the job was done before the daemon died.
        case findResult(Job)
        case makePicture(Job)
        /// Writes the picture and its record to `done/`.
        case deliver(Job, MadePicture)
        /// Writes `failed/NAME.json`.
        case report(Job, JobFailure)
        /// Has the queue record what became of the job.
        case record(Job, JobState.Event, JobFailure?)
    }

    /// What happened.
    package enum Event: Sendable {
        /// There may be something to do.
        case woken
        /// The pause is over.
        case paused
        /// So many bytes are free.
        case room(Int)
        /// So many jobs wait.
        case queued(Int)
        case claimed(Job?)
        case searched(isThere: Bool)
        case made(MadePicture)
        case delivered
        case reported
        /// The queue has the job in this state now.
        case recorded(JobState)
        /// The daemon stops, and the step did not end in time.
        case abandoned
        /// The step threw this.
        case failed(any Error)
    }

    /// What is to be done.
    package enum Action: Equatable, Sendable {
        case log(Logger.Level, Logger.Message, Logger.Metadata)
        /// Tells whoever asks what jobs wait for, if for anything.
        case show(waitingFor: String?)
        /// Tells the service manager.
        case status(String)
        /// Tells the service manager's watchdog that something got done.
        case pet
        /// The job is the running one from now on.
        case begin(JobID)
        /// The job is no longer the running one.
        case leave(JobID)
        /// Keeps what was learned, and what could not be kept before.
        case keep([MemberCosts])
        /// Does a step; once more when an attempt has failed.
        case perform(Step, isAgain: Bool)
        /// Waits for so long, but not for a daemon that stops. The watchdog hears of it first.
        case pause(Duration)
        /// Waits to be woken.
        case rest
        /// Ends the worker, and with it the daemon, by throwing `failure`.
        case giveUp
    }

    /// What follows when the queue has recorded what became of a job.
    private enum Ending {
        case next(after: [Action])
        /// Something to wait for a little before the job is taken again.
        case wait(Action, shown: String)
        case failed(JobFailure)
        case giveUp(after: [Action], any Error)
    }

    private enum Phase {
        case resting
        case performing(Step)
        /// Pauses before another attempt.
        case retrying(Step)
        /// Pauses since the disk has no room.
        case waitingForRoom
        /// Pauses before the job is left.
        case leaving(Job)
        case over
    }

    private let idleInterval: Duration?
    private var phase = Phase.resting
    private var ending = Ending.next(after: [])
    private var pauses = Pauses()
    private var waitingFor: String?
    private var isEnding = false
    private var settings = Settings()
    /// Why the worker gives up.
    package private(set) var failure: (any Error)?

    /// A worker that rests.
    ///
    /// - Parameter idleInterval: how often the watchdog wants to hear something; no pause is longer.
    package init(idleInterval: Duration?) { self.idleInterval = idleInterval }

    /// What is to be done about `event`, which comes while these `settings` are in force. Nothing more is begun when the daemon
    /// `isEnding`.
    package mutating func applying(_ event: Event, isEnding: Bool, settings: Settings) -> [Action] {
        (self.isEnding, self.settings) = (isEnding, settings)
        switch (phase, event) {
        case (.resting, .woken), (.waitingForRoom, .paused): return look()
        case (.retrying(let step), .paused): return perform(step, isAgain: true)
        case (.leaving(let job), .paused): return show(nil) + leave(job)
        case (.performing(let step), .failed(let error)):
            if step.isWorthAnotherAttempt(after: error), !isEnding { return retry(step, error) }
            return endAttempts() + fail(step, error)
        case (.performing(let step), _):
            let over: Action? =
                pauses.hasBegun
                ? log(.notice, "The wait is over", step.job, ["job.reason": "\(step.place?.rawValue ?? "")"]) : nil
            return (over.map { [$0] } ?? []) + endAttempts() + advance(step, event)
        default: preconditionFailure("a worker that is \(phase) is not told of \(event)")
        }
    }

    // MARK: - The way of a job

    private mutating func look() -> [Action] {
        isEnding ? rest() : perform(.measureRoom)
    }

    private mutating func advance(_ step: Step, _ event: Event) -> [Action] {
        switch (step, event) {
        case (.measureRoom, .room(let free)):
            guard free >= settings.freeSpaceReserve.bytes else { return perform(.countJobs(free: free)) }
            let isNews = waitingFor != nil
            return (isNews ? [log(.notice, "There is room again", nil, ["disk.free": "\(free)"])] : []) + show(nil)
                + [.keep([])] + perform(.claim)
        case (.countJobs(let free), .queued(let count)): return wait(free: free, queued: count)
        case (.claim, .claimed(let job?)): return [.begin(job.id)] + perform(.findResult(job))
        case (.claim, .claimed(nil)): return [.status("Idle")] + rest()
        case (.findResult(let job), .searched(isThere: true)): return record(job, .finish, then: .next(after: []))
        case (.findResult(let job), .searched(isThere: false)): return perform(.makePicture(job))
        case (.makePicture(let job), .made(let picture)): return perform(.deliver(job, picture))
        case (.deliver(let job, let picture), .delivered):
            let news = log(
                .notice, "Finished a job", job,
                [
                    "job.state": "succeeded", "job.model": "\(picture.variant.model)",
                    "job.step": "\(picture.variant.steps)", "job.seconds": "\(picture.seconds)",
                    "job.peak_bytes": "\(picture.peakBytes)", "job.result": "\(job.name)",
                ])
            return [.keep(picture.learned)] + record(job, .finish, then: .next(after: [news]))
        case (.makePicture(let job), .abandoned), (.deliver(let job, _), .abandoned): return giveBack(job)
        case (.report(let job, let failure), .reported): return fail(job, failure)
        case (.record(let job, _, _), .recorded(let state)):
            return (state.isFinal ? [.pet] : []) + conclude(job, state)
        default: preconditionFailure("\(step) does not end with \(event)")
        }
    }

    /// Nothing is claimed while the spool has no room for a result: the jobs wait, and none of them is charged.
    private mutating func wait(free: Int, queued: Int) -> [Action] {
        guard queued > 0 else { return show(nil) + [.status("Idle")] + rest() }
        let reserve = settings.freeSpaceReserve.bytes
        let news: [Action] = [
            log(
                .warning, "Jobs wait for room on the disk", nil,
                ["disk.free": "\(free)", "disk.reserve": "\(reserve)"]),
            .status("Waits for room on the disk"),
        ]
        let reason = "room on the disk: \(free) bytes are free, \(reserve) are kept (free_space_reserve)"
        return (waitingFor == nil ? news : []) + show(reason) + pause(.waitingForRoom)
    }

    private mutating func conclude(_ job: Job, _ state: JobState) -> [Action] {
        switch ending {
        case .next(let news): return news + leave(job)
        case .wait(let news, let reason): return [news] + show(reason) + pause(.leaving(job))
        case .giveUp(let news, let error): return news + giveUp(error, leaving: job)
        case .failed(let failure):
            let news = log(
                .error, "A job failed", job,
                ["job.state": "\(state.rawValue)", "job.reason": "\(failure.message)"])
            return [news] + (failure.kind == .transient ? pause(.leaving(job)) : leave(job))
        }
    }

    // MARK: - Errors

    /// What follows when `error` ended a step that is not tried again.
    private mutating func fail(_ step: Step, _ error: any Error) -> [Action] {
        switch step {
        case .measureRoom, .countJobs, .claim, .findResult:
            guard isEnding, error.mayPass else { return giveUp(error, leaving: step.job) }
            return (step.job.map { [.leave($0.id)] } ?? []) + rest()
        case .makePicture(let job), .deliver(let job, _): return settle(job, error)
        case .report(let job, let failure):
            if error.isLossOfSpool { return record(job, .release, then: .giveUp(after: [], error)) }
            // The daemon stops: the job is to fail once more.
            if error.isTransient { return record(job, .release, then: .next(after: [])) }
            // The queue knows the reason too.
            return [log(.error, "The failure could not be written", job, ["error": "\(error)"])] + fail(job, failure)
        case .record(let job, _, _):
            // The job stays running, and the next start decides.
            let news = log(.error, "A job's end could not be recorded", job, ["error": "\(error)"])
            switch error {
            case JobStoreError.noSuchJob, JobStoreError.illegalTransition: return [news] + leave(job)
            case _ where isEnding && error.isTransient: return [news] + leave(job)
            default: return [news] + giveUp(error, leaving: job)
            }
        }
    }

    /// Ends a job that has no picture, or gives it back.
    private mutating func settle(_ job: Job, _ error: any Error) -> [Action] {
        var reason = error
        if case RenderingError.interrupted(let inner as Interruption) = error { reason = inner }
        switch reason {
        case Interruption.cancelled:
            let news = log(.notice, "Cancelled a job", job, ["job.state": "cancelled"])
            return record(job, .cancel, then: .next(after: [news]))
        case Interruption.stopping: return giveBack(job)
        case RenderingError.memoryWithdrawn:
            // It would fit into what was granted at the start: it is as good as before.
            let news = log(.warning, "A job waits for memory", job, ["job.state": "queued", "job.reason": "\(error)"])
            return record(job, .release, then: .wait(news, shown: "memory: \(error)"))
        case _ where error.isLackOfTheHost:
            let news = log(.warning, "A job waits for the host", job, ["job.state": "queued", "error": "\(error)"])
            return record(
                job, .release,
                then: error.isLossOfSpool ? .giveUp(after: [news], error) : .wait(news, shown: "\(error)"))
        default:
            var failure = JobFailure(of: error)
            if failure.kind == .transient, job.attempts >= settings.maxCrashes {
                failure.kind = .permanent
                failure.message += " (after \(job.attempts) attempts)"
            }
            return failure.kind == .permanent ? perform(.report(job, failure)) : fail(job, failure)
        }
    }

    private mutating func giveBack(_ job: Job) -> [Action] {
        let news = log(.notice, "Gave a job back", job, ["job.state": "queued"])
        return record(job, .release, then: .next(after: [news]))
    }

    private mutating func fail(_ job: Job, _ failure: JobFailure) -> [Action] {
        record(job, .fail(failure.kind), failure, then: .failed(failure))
    }

    /// Tries a step again after a pause. Says once in the journal, and for as long as it lasts to whoever asks, what it waits for.
    private mutating func retry(_ step: Step, _ error: any Error) -> [Action] {
        let place = step.place?.rawValue ?? ""
        var complaint: Logger.Message =
            step.place == .queue ? "The queue cannot be written; waiting" : "The spool cannot be used; waiting"
        if step.job != nil, (error as? SpoolError)?.isLackOfRoom == true {
            complaint = "A result found no room on the disk"
        }
        let news = pauses.hasBegun ? [] : [log(.warning, complaint, step.job, ["error": "\(error)"])]
        let shown = show("\(place): \(error)")
        phase = .retrying(step)
        return news + shown + [.status("Waits for \(place)"), .pause(pauses.next(atMost: idleInterval))]
    }

    // MARK: - Words

    private mutating func perform(_ step: Step, isAgain: Bool = false) -> [Action] {
        phase = .performing(step)
        return [.perform(step, isAgain: isAgain)]
    }

    private mutating func record(
        _ job: Job, _ event: JobState.Event, _ failure: JobFailure? = nil, then ending: Ending
    ) -> [Action] {
        self.ending = ending
        return perform(.record(job, event, failure))
    }

    private mutating func rest() -> [Action] {
        phase = .resting
        return [.rest]
    }

    private mutating func pause(_ phase: Phase) -> [Action] {
        self.phase = phase
        return [.pause(min(Pauses.longest, idleInterval ?? Pauses.longest))]
    }

    private mutating func leave(_ job: Job) -> [Action] { [.leave(job.id)] + look() }

    private mutating func giveUp(_ error: any Error, leaving job: Job?) -> [Action] {
        (phase, failure) = (.over, error)
        return (job.map { [.leave($0.id)] } ?? []) + [.giveUp]
    }

    private mutating func show(_ reason: String?) -> [Action] {
        guard reason != waitingFor else { return [] }
        waitingFor = reason
        return [.show(waitingFor: reason)]
    }

    private mutating func endAttempts() -> [Action] {
        defer { pauses = Pauses() }
        return pauses.hasBegun ? show(nil) : []
    }

    private func log(
        _ level: Logger.Level, _ sentence: Logger.Message, _ job: Job?, _ metadata: Logger.Metadata
    ) -> Action {
        var metadata = metadata
        if let job { metadata["job.id"] = "\(job.id)" }
        return .log(level, sentence, metadata)
    }
}

extension WorkerState.Step {
    /// What a step waits for when it cannot be done, in the words of the status.
    fileprivate enum Place: String {
        case queue = "the queue"
        case spool = "the spool"
    }

    /// Nil for what is not tried again.
    fileprivate var place: Place? {
        switch self {
        case .countJobs, .claim, .record: .queue
        case .measureRoom, .findResult, .deliver, .report: .spool
        case .makePicture: nil
        }
    }

    fileprivate var job: Job? {
        switch self {
        case .measureRoom, .countJobs, .claim: nil
        case .findResult(let job), .makePicture(let job), .deliver(let job, _), .report(let job, _),
            .record(let job, _, _):
            job
        }
    }

    /// A report that we were refused the right to write is not waited for: the queue tells the failure too.
    fileprivate func isWorthAnotherAttempt(after error: any Error) -> Bool {
        switch self {
        case .makePicture: false
        case .report: error.isTransient
        default: error.mayPass
        }
    }
}
