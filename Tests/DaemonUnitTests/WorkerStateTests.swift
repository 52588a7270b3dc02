import Daemon
import JobStore
import Jobs
import Logging
import Planner
import Rendering
import Settings
import Spool
import SystemPackage
import Testing

/// An event, and what the worker is to do about it.
struct Turn: Sendable {
    let event: WorkerState.Event
    let actions: [WorkerState.Action]
    var isEnding = false
}

/// Turns that follow each other, from a worker that rests.
struct Way: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let turns: [Turn]
    /// What the worker gives up with.
    var failure: String?

    init(_ description: String, _ turns: [Turn]..., failure: String? = nil) {
        (testDescription, self.turns, self.failure) = (description, turns.flatMap { $0 }, failure)
    }
}

@Suite("What the worker decides")
struct WorkerStateTests {
    private static let job = sample(attempts: 1), id = job.id
    private static let picture = MadePicture(
        picture: [1], record: [2], variant: Variant(model: "m", precision: .int8, steps: 4), seconds: 1.5,
        peakBytes: 7, learned: [])

    private static func sample(attempts: Int) -> Job {
        guard let id = JobID(rawValue: "a") else { preconditionFailure("a letter is an id") }
        return Job(
            id: id, name: ResultName(sanitizing: "a"),
            source: JobSource(intake: IntakeID(fingerprint: 1), file: "a.json", index: 0),
            request: JobRequest(prompt: "x"), seed: 1, state: .running, attempts: attempts, isCancelRequested: false,
            createdAt: Timestamp(millisecondsSinceEpoch: 0), startedAt: nil, finishedAt: nil, failure: nil)
    }

    private static func spool(_ errno: Errno) -> SpoolError { .system(operation: "write", path: "/s", errno: errno) }

    private static let busy = JobStoreError.failed(problem: "busy", code: 5)

    private static let retryInterval = Duration.seconds(5)

    // MARK: - Ways

    /// From rest to the search for a result of a job that was claimed.
    private static func claim(_ job: Job) -> [Turn] {
        [
            Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
            Turn(event: .room(1 << 30), actions: [.keep([]), .perform(.claim, isAgain: false)]),
            Turn(event: .claimed(job), actions: [.begin(job.id), .perform(.findResult(job), isAgain: false)]),
        ]
    }

    /// From rest to the making of the job's picture.
    private static func make(_ job: Job) -> [Turn] {
        claim(job) + [Turn(event: .searched(isThere: false), actions: [.perform(.makePicture(job), isAgain: false)])]
    }

    private static let deliver: [Turn] =
        make(job) + [Turn(event: .made(picture), actions: [.perform(.deliver(job, picture), isAgain: false)])]

    private static let next: [WorkerState.Action] = [.leave(id), .perform(.measureRoom, isAgain: false)]

    private static func record(
        _ event: JobState.Event, _ failure: JobFailure? = nil, of job: Job = job
    ) -> WorkerState.Action {
        .perform(.record(job, event, failure), isAgain: false)
    }

    private static func log(
        _ level: Logger.Level, _ sentence: Logger.Message, _ metadata: Logger.Metadata = [:], ofJob: Bool = true
    ) -> WorkerState.Action {
        .log(level, sentence, ofJob ? metadata.merging(["job.id": "a"]) { $1 } : metadata)
    }

    private static let finished = log(
        .notice, "Finished a job",
        [
            "job.state": "succeeded", "job.model": "m", "job.step": "4", "job.seconds": "1.5", "job.peak_bytes": "7",
            "job.result": "a",
        ])

    private static let givenBack = log(.notice, "Gave a job back", ["job.state": "queued"])

    private static let quietWays: [Way] = [
        Way(
            "An empty queue lets it rest until it is woken",
            [
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .room(1 << 30), actions: [.keep([]), .perform(.claim, isAgain: false)]),
                Turn(event: .claimed(nil), actions: [.status("Idle"), .rest]),
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
            ]),
        Way(
            "A picture is made, delivered and recorded, in this order, and the next job is looked for", deliver,
            [
                Turn(event: .delivered, actions: [.keep([]), record(.finish)]),
                Turn(event: .recorded(.succeeded), actions: [.pet, finished] + next),
            ]),
        Way(
            "A job whose result is there is finished and not drawn again", claim(job),
            [
                Turn(event: .searched(isThere: true), actions: [record(.finish)]),
                Turn(event: .recorded(.succeeded), actions: [.pet] + next),
            ]),
        Way(
            "Without room nothing is claimed, and an empty queue is not told of",
            [
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .room(5), actions: [.perform(.countJobs(free: 5), isAgain: false)]),
                Turn(event: .queued(0), actions: [.status("Idle"), .rest]),
            ]),
        Way(
            "Jobs that wait for room are told of once, and so is the room",
            [
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .room(5), actions: [.perform(.countJobs(free: 5), isAgain: false)]),
                Turn(
                    event: .queued(2),
                    actions: [
                        log(
                            .warning, "Jobs wait for room on the disk",
                            ["disk.free": "5", "disk.reserve": "67108864"], ofJob: false),
                        .status("Waits for room on the disk"),
                        .show(waitingFor: "room on the disk: 5 bytes are free, 67108864 are kept (free_space_reserve)"),
                        .pause(retryInterval),
                    ]),
                Turn(event: .paused, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .room(5), actions: [.perform(.countJobs(free: 5), isAgain: false)]),
                Turn(event: .queued(2), actions: [.pause(retryInterval)]),
                Turn(event: .paused, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(
                    event: .room(1 << 30),
                    actions: [
                        log(.notice, "There is room again", ["disk.free": "1073741824"], ofJob: false),
                        .show(waitingFor: nil), .keep([]), .perform(.claim, isAgain: false),
                    ]),
            ]),
    ]

    private static let failure = RenderingError.modelGone("m").failure
    private static let worn = sample(attempts: 3)
    private static let transient = RenderingError.interrupted(JobError.noJobs)
    private static let wornFailure = JobFailure(
        kind: .permanent, code: transient.code, message: transient.description + " (after 3 attempts)")

    private static func failed(_ failure: JobFailure, _ state: JobState) -> WorkerState.Action {
        log(.error, "A job failed", ["job.state": "\(state.rawValue)", "job.reason": "\(failure.message)"])
    }

    private static let reporting: [Turn] =
        make(job) + [
            Turn(
                event: .failed(RenderingError.modelGone("m")),
                actions: [.perform(.report(job, failure), isAgain: false)])
        ]

    private static let withdrawn = RenderingError.memoryWithdrawn(neededBytes: 2048, limitBytes: 1024)
    private static let lost = SpoolError.lost("/s")

    private static let failingWays: [Way] = [
        Way(
            "A failure for good is reported, then recorded", reporting,
            [
                Turn(event: .reported, actions: [record(.fail(.permanent), failure)]),
                Turn(event: .recorded(.failed), actions: [.pet, failed(failure, .failed)] + next),
            ]),
        Way(
            "A failure that may pass puts the job back and lets some time go by", make(job),
            [
                Turn(event: .failed(transient), actions: [record(.fail(.transient), transient.failure)]),
                Turn(
                    event: .recorded(.queued),
                    actions: [failed(transient.failure, .queued), .pause(retryInterval)]),
                Turn(event: .paused, actions: next),
            ]),
        Way(
            "After too many attempts such a failure is for good", make(worn),
            [Turn(event: .failed(transient), actions: [.perform(.report(worn, wornFailure), isAgain: false)])]),
        Way(
            "A cancelled job is cancelled, however it is learned", make(job),
            [
                Turn(event: .failed(Interruption.cancelled), actions: [record(.cancel)]),
                Turn(
                    event: .recorded(.cancelled),
                    actions: [.pet, log(.notice, "Cancelled a job", ["job.state": "cancelled"])] + next),
            ]),
        Way(
            "A stop gives the job back, however it is learned, and nothing more is begun", make(job),
            [
                Turn(
                    event: .failed(RenderingError.interrupted(Interruption.stopping)), actions: [record(.release)],
                    isEnding: true),
                Turn(event: .recorded(.queued), actions: [givenBack, .leave(id), .rest], isEnding: true),
                Turn(event: .woken, actions: [.rest], isEnding: true),
            ]),
        Way(
            "A step that does not end in time gives the job back", make(job),
            [
                Turn(event: .abandoned, actions: [record(.release)], isEnding: true),
                Turn(event: .recorded(.queued), actions: [givenBack, .leave(id), .rest], isEnding: true),
            ]),
        Way(
            "A job waits for memory that was withdrawn, uncharged", make(job),
            [
                Turn(event: .failed(withdrawn), actions: [record(.release)]),
                Turn(
                    event: .recorded(.queued),
                    actions: [
                        log(
                            .warning, "A job waits for memory",
                            ["job.state": "queued", "job.reason": "\(withdrawn)"]),
                        .show(waitingFor: "memory: \(withdrawn)"), .pause(retryInterval),
                    ]),
                Turn(event: .paused, actions: [.show(waitingFor: nil)] + next),
            ]),
        Way(
            "A job waits for what the host lacks, uncharged", make(job),
            [
                Turn(event: .failed(spool(.tooManyOpenFiles)), actions: [record(.release)]),
                Turn(
                    event: .recorded(.queued),
                    actions: [
                        log(
                            .warning, "A job waits for the host",
                            ["job.state": "queued", "error": "\(spool(.tooManyOpenFiles))"]),
                        .show(waitingFor: "\(spool(.tooManyOpenFiles))"), .pause(retryInterval),
                    ]),
                Turn(event: .paused, actions: [.show(waitingFor: nil)] + next),
            ]),
        Way(
            "When the spool is lost the job is given back before the worker gives up", make(job),
            [
                Turn(event: .failed(lost), actions: [record(.release)]),
                Turn(
                    event: .recorded(.queued),
                    actions: [
                        log(.warning, "A job waits for the host", ["job.state": "queued", "error": "\(lost)"]),
                        .leave(id), .giveUp,
                    ]),
            ], failure: "\(lost)"),
        Way(
            "A spool that is lost under a report ends the worker too", reporting,
            [
                Turn(event: .failed(lost), actions: [record(.release)]),
                Turn(event: .recorded(.queued), actions: [.leave(id), .giveUp]),
            ], failure: "\(lost)"),
        Way(
            "A report that is refused is not waited for: the queue knows the reason", reporting,
            [
                Turn(
                    event: .failed(spool(.permissionDenied)),
                    actions: [
                        log(
                            .error, "The failure could not be written", ["error": "\(spool(.permissionDenied))"]),
                        record(.fail(.permanent), failure),
                    ])
            ]),
        Way(
            "A report that finds no room while the daemon stops lets the job fail once more", reporting,
            [
                Turn(event: .failed(spool(.noSpace)), actions: [record(.release)], isEnding: true),
                Turn(event: .recorded(.queued), actions: [.leave(id), .rest], isEnding: true),
            ]),
    ]

    private static let roomWait: [WorkerState.Action] = [
        log(.warning, "A result found no room on the disk", ["error": "\(spool(.noSpace))"]),
        .show(waitingFor: "the spool: \(spool(.noSpace))"), .status("Waits for the spool"),
        .pause(.milliseconds(250)),
    ]

    private static let unrecorded = log(.error, "A job's end could not be recorded", ["error": "\(busy)"])

    private static let patientWays: [Way] = [
        Way(
            "What may pass is told once and tried again, after longer and longer pauses",
            [
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .room(1 << 30), actions: [.keep([]), .perform(.claim, isAgain: false)]),
                Turn(
                    event: .failed(busy),
                    actions: [
                        log(
                            .warning, "The queue cannot be written; waiting", ["error": "\(busy)"], ofJob: false),
                        .show(waitingFor: "the queue: \(busy)"), .status("Waits for the queue"),
                        .pause(.milliseconds(250)),
                    ]),
                Turn(event: .paused, actions: [.perform(.claim, isAgain: true)]),
                Turn(
                    event: .failed(busy), actions: [.status("Waits for the queue"), .pause(.milliseconds(500))]),
                Turn(event: .paused, actions: [.perform(.claim, isAgain: true)]),
                Turn(
                    event: .claimed(nil),
                    actions: [
                        log(.notice, "The wait is over", ["job.reason": "the queue"], ofJob: false),
                        .show(waitingFor: nil), .status("Idle"), .rest,
                    ]),
            ]),
        Way(
            "A result that finds no room is kept and offered again", deliver,
            [
                Turn(event: .failed(spool(.noSpace)), actions: roomWait),
                Turn(event: .paused, actions: [.perform(.deliver(job, picture), isAgain: true)]),
                Turn(
                    event: .delivered,
                    actions: [
                        log(.notice, "The wait is over", ["job.reason": "the spool"]), .show(waitingFor: nil),
                        .keep([]), record(.finish),
                    ]),
            ]),
        Way(
            "A result that nobody wants any more is not offered again", deliver,
            [
                Turn(event: .failed(spool(.noSpace)), actions: roomWait),
                Turn(event: .paused, actions: [.perform(.deliver(job, picture), isAgain: true)]),
                Turn(event: .failed(Interruption.cancelled), actions: [.show(waitingFor: nil), record(.cancel)]),
            ]),
        Way(
            "Who makes a picture is not asked twice", make(job),
            [Turn(event: .failed(spool(.noSpace)), actions: [record(.release)])]),
        Way(
            "What may pass is not waited for when the daemon stops",
            [
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .failed(spool(.noSpace)), actions: [.rest], isEnding: true),
            ]),
        Way(
            "A search that cannot be done when the daemon stops leaves the job to the next start", claim(job),
            [Turn(event: .failed(spool(.tooManyOpenFiles)), actions: [.leave(id), .rest], isEnding: true)]),
        Way(
            "What does not pass ends the worker",
            [
                Turn(event: .woken, actions: [.perform(.measureRoom, isAgain: false)]),
                Turn(event: .failed(lost), actions: [.giveUp]),
            ], failure: "\(lost)"),
        Way(
            "An end that cannot be recorded when the daemon stops is left to the next start", deliver,
            [
                Turn(event: .delivered, actions: [.keep([]), record(.finish)]),
                Turn(event: .failed(busy), actions: [unrecorded, .leave(id), .rest], isEnding: true),
            ]),
        Way(
            "A job that is gone is nobody's trouble", deliver,
            [
                Turn(event: .delivered, actions: [.keep([]), record(.finish)]),
                Turn(
                    event: .failed(JobStoreError.noSuchJob(id)),
                    actions: [
                        log(
                            .error, "A job's end could not be recorded",
                            ["error": "\(JobStoreError.noSuchJob(id))"])
                    ] + next),
            ]),
    ]

    @Test("It finds jobs and brings them to their end", arguments: quietWays)
    func quiet(_ way: Way) { expect(way) }

    @Test("It knows what to do with a job that has no picture", arguments: failingWays)
    func failing(_ way: Way) { expect(way) }

    @Test("It tries again what may pass, and ends with what does not", arguments: patientWays)
    func patient(_ way: Way) { expect(way) }

    private func expect(_ way: Way) {
        var state = WorkerState(idleInterval: nil)
        for (number, turn) in way.turns.enumerated() {
            let actions = state.applying(turn.event, isEnding: turn.isEnding, settings: Settings())
            #expect(actions == turn.actions, "turn \(number): \(turn.event)")
        }
        #expect(state.failure.map { "\($0)" } == way.failure)
    }

    @Test("No pause is longer than the watchdog waits for a sign of life, nor than five seconds")
    func pauses() {
        let limits: [(Duration?, [Int])] = [(.seconds(1), [250, 500, 1000, 1000]), (nil, [250, 500, 1000, 2000])]
        for (interval, expected) in limits {
            var state = WorkerState(idleInterval: interval)
            var lengths: [Duration] = []
            _ = state.applying(.woken, isEnding: false, settings: Settings())
            for _ in 0..<7 {
                let actions = state.applying(.failed(Self.spool(.noSpace)), isEnding: false, settings: Settings())
                if case .pause(let length)? = actions.last { lengths.append(length) }
                _ = state.applying(.paused, isEnding: false, settings: Settings())
            }
            #expect(lengths.prefix(4) == expected.map { .milliseconds($0) }[...])
            #expect(lengths.last == interval ?? .seconds(5))
        }
    }
}
