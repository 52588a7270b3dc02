import JobStore
import Jobs
import Logging
import ServiceLifecycle
import Spool
import Systemd

/// Makes pictures of queued jobs, one at a time.
///
///     claim ─► plan ─► render ─► writeDone (all three on the inference thread) ─► finish
///               │        │ cancelled: confirmCancel
///               │        │ stopping, memory withdrawn: release, uncharged
///               └────────┴ failed: failed/NAME.json, then fail
///
/// The picture is on the disk before the queue says so: a crash between the two is mended by ``Recovery``. An error of one job
/// ends that job and nothing else. While a disk takes no result, no report or no end of a job, it is kept here and offered again:
/// nothing else could be written either. Nothing wakes up while the queue is empty, except to feed the service manager's watchdog.
///
/// The watchdog hears of what got done: a block of a network, a job's end, an empty queue that was looked at, a wait of some seconds for
/// something to become better. It does not hear of the loop's turns.
struct Worker: Service {
    private static let retryInterval = Duration.seconds(5)

    let store: JobStore
    let spool: Spool
    let board: ProgressBoard
    let inference: Inference
    let ledger: CostLedger
    let settings: LiveSettings
    let notifier: Notifier
    let watchdog: Watchdog
    let logger: Logger
    let stop: StopSignal
    /// Where the spool's files are read and written but for the pictures, which the inference thread delivers.
    let disk = DiskThread(name: "worker-disk")

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
                for await _ in wakeups {
                    while !isEnding, try await next() {}
                    if isEnding { break }
                    // While something is computed for somebody else, that has to feed it.
                    if !inference.isBusy { watchdog.pet() }
                }
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            bell.finish()
        }
    }

    /// Whether nothing more may be begun.
    var isEnding: Bool { stop.isStopping || Task.isShuttingDownGracefully || Task.isCancelled }

    /// Wakes the loop for the watchdog's sake while nothing is to do: it is the loop that feeds it, not this.
    private func tick(_ bell: AsyncStream<Void>.Continuation) async {
        guard let interval = watchdog.idleInterval else { return }
        while (try? await Task.sleep(for: interval)) != nil { bell.yield() }
    }

    /// Takes the next job and brings it to an end; false when there is none, or when the daemon stops.
    private func next() async throws -> Bool {
        do {
            return try await takeNext()
        } catch  where isEnding && error.mayPass {
            return false
        }
    }

    private func takeNext() async throws -> Bool {
        let reserve = settings.current.freeSpaceReserve.bytes
        let free = try await patiently(.spool) {
            try await disk.run { () throws(SpoolError) in try spool.freeSpace() }
        }
        guard free >= reserve else { return try await waitForRoom(free: free, reserve: reserve) }
        if board.waitingFor != nil { logger.notice("There is room again", metadata: ["disk.free": "\(free)"]) }
        board.setWaiting(for: nil)
        await keep([])
        guard let job = try await patiently(.queue, { try await store.claim(at: .now) }) else {
            notifier.status("Idle")
            return false
        }
        board.begin(job.id)
        defer {
            board.clear()
            board.note(job.id)
        }
        try await work(on: job)
        return !isEnding
    }

    // MARK: - Waiting

    /// What the worker writes to, in the words of the status.
    enum Place: String {
        case queue = "the queue"
        case spool = "the spool"
    }

    /// Does `body` again while what stops it may pass, until the daemon stops: then its error is thrown. Says once in the journal, and
    /// for as long as it lasts to whoever asks, which `place` it waits for.
    ///
    /// - Parameter canGoOn: asked before each new attempt; what it throws ends the wait.
    func patiently<Value>(
        _ place: Place, for job: Job? = nil, _ body: () async throws -> Value, canGoOn: () async throws -> Void = {}
    ) async throws -> Value {
        var pauses = Pauses()
        defer { if pauses.hasBegun { board.setWaiting(for: nil) } }
        while true {
            do {
                let value = try await body()
                if pauses.hasBegun { tell(.notice, "The wait is over", of: job, "job.reason", place.rawValue) }
                return value
            } catch  where error.mayPass && !isEnding {
                if !pauses.hasBegun { tell(.warning, Self.complaint(error, place, job), of: job, "error", "\(error)") }
                board.setWaiting(for: "\(place.rawValue): \(error)")
                notifier.status("Waits for \(place.rawValue)")
                watchdog.pet()
                await pauses.next(atMost: watchdog.idleInterval)
                try await canGoOn()
            }
        }
    }

    private static func complaint(_ error: any Error, _ place: Place, _ job: Job?) -> Logger.Message {
        if job != nil, (error as? SpoolError)?.isLackOfRoom == true { return "A result found no room on the disk" }
        return place == .queue ? "The queue cannot be written; waiting" : "The spool cannot be used; waiting"
    }

    private func tell(_ level: Logger.Level, _ sentence: Logger.Message, of job: Job?, _ key: String, _ text: String) {
        var metadata: Logger.Metadata = [key: "\(text)"]
        if let job { metadata["job.id"] = "\(job.id)" }
        logger.log(level: level, sentence, metadata: metadata)
    }

    /// The spool has no room for a result: nothing is claimed, the jobs wait, and nobody is charged. Says what the queued ones wait for
    /// and waits a little; false when there is none, since the next one rings.
    private func waitForRoom(free: Int, reserve: Int) async throws -> Bool {
        guard try await patiently(.queue, { try await store.counts() })[.queued] ?? 0 > 0 else {
            board.setWaiting(for: nil)
            notifier.status("Idle")
            return false
        }
        if board.waitingFor == nil {
            logger.warning(
                "Jobs wait for room on the disk", metadata: ["disk.free": "\(free)", "disk.reserve": "\(reserve)"])
            notifier.status("Waits for room on the disk")
        }
        board.setWaiting(for: "room on the disk: \(free) bytes are free, \(reserve) are kept (free_space_reserve)")
        await pause()
        return !isEnding
    }

    /// Waits a little for something to become better, but not for a daemon that stops.
    func pause() async {
        watchdog.pet()
        let interval = min(Self.retryInterval, watchdog.idleInterval ?? Self.retryInterval)
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: interval) }
    }
}
