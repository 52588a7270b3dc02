import JobStore
import Jobs
import Logging
import ServiceLifecycle
import Spool
import SystemPackage

/// Takes files out of `incoming/` and puts their jobs into the queue; what is no job goes to `failed/`.
///
///     incoming/NAME ─take─► work/INTAKE.NAME ─insert─► queue ─► failed/ for the bad ones ─► discard
///
/// Every step may be repeated: ids, names and seeds follow from the intake's mark. A full disk delays the intake and loses nothing.
struct Intake: Service {
    let store: JobStore
    let spool: Spool
    let settings: LiveSettings
    let clock: Clock
    let logger: Logger
    private let disk = DiskThread(name: "intake")

    /// First takes in what a dead daemon had taken, then what comes, until the daemon stops.
    func run() async throws {
        for file in try await persist({ try await disk.run { try spool.takenFiles() } }) ?? [] {
            try await persist { try await enqueue(file) }
        }
        let entries = try await patiently {
            try await disk.run { try spool.incomingFiles { settings.current.unknownFileDelay } }
        }
        guard let entries else { return }
        for try await entry in entries.cancelOnGracefulShutdown() { try await accept(entry) }
    }

    private func accept(_ entry: SpoolEntry) async throws {
        let intake = IntakeID(time: clock.now(), entropy: .random(in: 0...UInt32.max))
        let file = try await persist {
            try await disk.run {
                try requireRoom()
                return try spool.take(entry, as: intake)
            }
        }
        // What fails from here on is repeated with the file that now lies in work/.
        guard let file = file ?? nil else { return }
        try await persist { try await enqueue(file) }
    }

    private func enqueue(_ file: TakenFile) async throws {
        let outcome = try await store.insert(file.submission, at: clock.now()) { name in
            await disk.run { spool.isOccupied(name) }
        }
        try await disk.run { try spool.conclude(file, rejections: outcome.rejections, at: clock.now()) }
        for entry in outcome.jobs where entry.isNew {
            logger.notice(
                "Queued a job",
                metadata: ["job.id": "\(entry.job.id)", "job.state": "queued", "job.file": "\(file.fileName)"])
        }
        for entry in outcome.jobs where entry.isNew && entry.job.request.id.map({ $0 != entry.job.id }) == true {
            logger.notice(
                "Another user's job has the id that a job asks for", metadata: ["job.id": "\(entry.job.id)"])
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

    /// Throws while less than `free_space_reserve` is free: reports of bad jobs take room too. The files wait where they are.
    private func requireRoom() throws {
        guard try spool.freeSpace() < settings.current.freeSpaceReserve.bytes else { return }
        throw SpoolError.system(
            operation: "take files in: the free_space_reserve is not free in", path: spool.root, errno: .noSpace)
    }

    /// Does something about one file. Answers nil for a file that cannot be taken in, and when the daemon stops: the files are still
    /// there at the next start. Throws when the spool itself is lost.
    @discardableResult
    private func persist<Value>(_ body: () async throws -> Value) async throws -> Value? {
        do {
            return try await patiently(body)
        } catch let error as SpoolError where error.isLossOfSpool {
            throw error
        } catch {
            logger.error("A file could not be taken in", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Repeats `body` while an error that may pass stops it, and logs the first of them. Answers nil when the daemon stops meanwhile.
    private func patiently<Value>(_ body: () async throws -> Value) async throws -> Value? {
        var pauses = Pauses()
        while true {
            do {
                return try await body()
            } catch  where error.mayPass {
                if !pauses.hasBegun { logger.warning("Intake waits", metadata: ["error": "\(error)"]) }
                await pause(for: pauses.next())
                if Task.isShuttingDownGracefully || Task.isCancelled { return nil }
            }
        }
    }
}
