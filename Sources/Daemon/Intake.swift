import JobStore
import Jobs
import Logging
import ServiceLifecycle
import Spool

/// Takes files out of `incoming/` and puts their jobs into the queue; what is no job goes to `failed/`.
///
///     incoming/NAME ─take─► work/INTAKE.NAME ─insert─► queue ─► failed/ for the bad ones ─► discard
///
/// Every step may be repeated: ids, names and seeds follow from the intake's mark. Runs on a thread of its own, since the
/// spool blocks for the disk. A full disk delays it and loses nothing.
actor Intake: Service {
    private static let retryInterval = Duration.seconds(5)

    private let thread = ServiceThread(name: "intake", stackSize: 4 << 20)
    private let store: JobStore
    private let spool: Spool
    private let logger: Logger

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(store: JobStore, spool: Spool, logger: Logger) {
        self.store = store
        self.spool = spool
        self.logger = logger
    }

    /// First what a dead daemon had taken, then what comes, until the daemon stops.
    func run() async throws {
        for file in try spool.takenFiles() { await persist { try await self.enqueue(file) } }
        for try await entry in try spool.incomingFiles().cancelOnGracefulShutdown() {
            await persist { try await self.accept(entry) }
        }
    }

    private func accept(_ entry: SpoolEntry) async throws {
        let intake = IntakeID(time: .now, entropy: .random(in: 0...UInt32.max))
        guard let file = try spool.take(entry, as: intake) else { return }
        // Taken is taken: what fails from here is repeated with the file that now lies in work/.
        await persist { try await self.enqueue(file) }
    }

    private func enqueue(_ file: TakenFile) async throws {
        let spool = spool
        let outcome = try await store.insert(file.submission, at: .now) { spool.isOccupied($0) }
        try spool.conclude(file, rejections: outcome.rejections, at: .now)
        for entry in outcome.jobs where entry.isNew {
            logger.notice(
                "Queued a job",
                metadata: ["job.id": "\(entry.job.id)", "job.state": "queued", "job.file": "\(file.fileName)"])
        }
        for entry in outcome.jobs where !entry.isNew && entry.job.source.intake != file.intake {
            logger.notice("Ignored a job whose id is known", metadata: ["job.id": "\(entry.job.id)"])
        }
        guard outcome.newRejectionCount > 0 else { return }
        for rejection in outcome.rejections {
            logger.warning(
                "Refused a job",
                metadata: [
                    "job.file": "\(file.fileName)", "job.result": "\(rejection.name)",
                    "job.reason": "\(rejection.failure.message)",
                ])
        }
    }

    /// Does `body` again every few seconds while what stops it may pass; one log line tells of it. Gives up when the daemon
    /// stops: the files are still there at the next start.
    private func persist(_ body: () async throws -> Void) async {
        var isWaiting = false
        while true {
            do {
                return try await body()
            } catch  where Self.isTransient(error) {
                if !isWaiting { logger.warning("Intake waits", metadata: ["error": "\(error)"]) }
                isWaiting = true
                try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.retryInterval) }
                if Task.isShuttingDownGracefully { return }
            } catch {
                return logger.error("A file could not be taken in", metadata: ["error": "\(error)"])
            }
        }
    }

    private static func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as SpoolError: error.isTransient
        case let error as JobStoreError: error.isTransient
        default: false
        }
    }
}
