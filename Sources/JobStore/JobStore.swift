import GRDB
import Jobs
import Synchronization

/// The queue: the authority on the state of every job, in one SQLite file.
///
/// A method answers after its transaction is on the disk (WAL, `synchronous=FULL`), or throws and has changed nothing. A
/// crash between two calls leaves the state of the first. Writes complete even when the calling task is cancelled, so that
/// a stopping daemon can still give its job back. Values of this type share one database; the last one closes it.
public struct JobStore: Sendable {
    let pool: DatabasePool
    let board: NoticeBoard
    private let path: String
    private let lock: QueueLock

    /// Opens the queue at `path`, or creates it, and brings it to this version's schema.
    ///
    /// Blocks for a check of the whole file. Throws when another process serves the queue, and when the file is damaged,
    /// not ours, or from a newer version; nothing is changed then. Its files are for their owner alone, whatever the umask is and
    /// whatever they were before; those of another user are refused.
    public static func open(path: String) throws(JobStoreError) -> JobStore {
        let lock = try QueueLock(queueAt: path)
        try QueueFiles.close(path)
        do {
            return try JobStore(path: path, lock: lock)
        } catch let error as DatabaseError {
            switch error.resultCode.primaryResultCode {
            case .SQLITE_NOTADB, .SQLITE_CORRUPT: throw .corrupt(path: path, problem: error.message ?? "\(error)")
            default: throw .cannotOpen(path: path, problem: error.message ?? "\(error)")
            }
        } catch {
            throw JobStoreError(error)
        }
    }

    private init(path: String, lock: QueueLock) throws {
        var configuration = Configuration()
        configuration.label = "queue"
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 2
        (self.path, self.lock, self.board) = (path, lock, NoticeBoard())
        pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { db in
            // GRDB asks for NORMAL as it turns WAL on; a power cut could then take back an answer that was given.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            let problem = try String.fetchOne(db, sql: "PRAGMA quick_check(1)") ?? "no answer"
            guard problem == "ok" else { throw JobStoreError.corrupt(path: path, problem: problem) }
            let owner = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
            let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
            guard owner == Schema.applicationID || isEmpty else { throw JobStoreError.foreign(path: path) }
            if try !isEmpty && Schema.migrator.hasBeenSuperseded(db) { throw JobStoreError.newer(path: path) }
        }
        try Schema.migrator.migrate(pool)
    }

    /// Closes the database, of all copies of the store, before the last one goes. Another process may open it then.
    public func close() throws(JobStoreError) {
        do { try pool.close() } catch { throw JobStoreError(error) }
        lock.release()
    }

    /// Calls `body` with every change of jobs' states from now on, after its transaction is on the disk and before the method that made
    /// it answers: none is lost, however many come at once. `body` must not block; it may be called by several threads at once.
    public func onChange(_ body: @escaping @Sendable ([JobChange]) -> Void) { board.onChange(body) }

    /// Yields when a job may have become claimable: claim until nothing is left, then wait here. Never misses one.
    public func claimable() -> AsyncStream<Void> { board.claimable() }
}

extension JobStore {
    /// Runs `body` in one write transaction on GRDB's queue, whether the task is cancelled or not.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(JobStoreError)
        -> Value
    {
        let handover = Handover()
        let result = await withCheckedContinuation { continuation in
            pool.asyncWrite(body) { _, result in
                handover.give()
                continuation.resume(returning: result)
            }
        }
        handover.take()
        do { return try result.get() } catch { throw JobStoreError(error) }
    }

    /// Runs `body` on a snapshot of the database.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(JobStoreError)
        -> Value
    {
        let handover = Handover()
        let result = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                let result = Result { try body(database.get()) }
                handover.give()
                continuation.resume(returning: result)
            }
        }
        handover.take()
        do { return try result.get() } catch { throw JobStoreError(error) }
    }
}

/// Orders what GRDB's queue did before it answers with what the waiting task does after.
///
/// A continuation does so by itself. But where it is resumed before its task waits, that happens inside the runtime, which the
/// thread sanitizer does not see: it would report every answer as a race. This says the same in the sanitizer's own terms.
private final class Handover: Sendable {
    private let isGiven = Atomic(false)

    func give() { isGiven.store(true, ordering: .releasing) }

    func take() { precondition(isGiven.load(ordering: .acquiring), "an answer is given before it is taken") }
}
