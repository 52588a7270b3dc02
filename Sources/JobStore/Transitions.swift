import GRDB
import Jobs

extension JobStore {
    /// Takes the most urgent queued job: highest priority, then earliest deadline, then first come. Counts an attempt.
    ///
    /// Answers nil when nothing is queued, and while the queue is paused.
    public func claim(at now: Timestamp) async throws(JobStoreError) -> Job? {
        let job = try await write { db in try Transition.claim(at: now, in: db) }
        if let job { board.post([JobChange(id: job.id, state: job.state)]) }
        return job
    }

    /// The order of the queue. Without the hint SQLite would sort all that is queued at every claim.
    package static let nextInLine = """
        SELECT sequence FROM job INDEXED BY job_claimable WHERE state = 'queued'
        ORDER BY priority DESC, coalesce(deadline, 9223372036854775807), sequence LIMIT 1
        """

    /// The running job's result is in `done/`.
    @discardableResult
    public func finish(_ id: JobID, at now: Timestamp) async throws(JobStoreError) -> Job {
        try await apply(.finish, to: id, at: now)
    }

    /// The running job failed: for good, or so that it goes back into the queue with its attempt counted.
    @discardableResult
    public func fail(_ id: JobID, _ failure: JobFailure, at now: Timestamp) async throws(JobStoreError) -> Job {
        try await apply(.fail(failure.kind), to: id, failure: failure, at: now)
    }

    /// The daemon that ran the job died: back into the queue, the attempt stays counted.
    @discardableResult
    public func requeue(_ id: JobID, at now: Timestamp) async throws(JobStoreError) -> Job {
        try await apply(.orphan, to: id, at: now)
    }

    /// The daemon stops, or lacks the room to run the job: back into the queue, the attempt is given back.
    @discardableResult
    public func release(_ id: JobID, at now: Timestamp) async throws(JobStoreError) -> Job {
        try await apply(.release, to: id, at: now)
    }

    /// Cancels a queued job at once. Asks a running one to stop, which stays running (`isCancelRequested`) until the worker
    /// calls `confirmCancel`, or finishes first.
    @discardableResult
    public func cancel(_ id: JobID, at now: Timestamp) async throws(JobStoreError) -> Job {
        let job = try await write { db in
            try Transition.requestCancel(id, in: db)
                ?? Transition(event: .cancel, failure: nil, now: now).apply(to: id, in: db)
        }
        board.post([JobChange(id: job.id, state: job.state)])
        return job
    }

    /// The worker has stopped the running job that was asked to stop.
    @discardableResult
    public func confirmCancel(_ id: JobID, at now: Timestamp) async throws(JobStoreError) -> Job {
        try await apply(.cancel, to: id, at: now)
    }

    /// Queues a failed or cancelled job once more, as if it had never been tried.
    @discardableResult
    public func retry(_ id: JobID, at now: Timestamp) async throws(JobStoreError) -> Job {
        try await apply(.retry, to: id, at: now)
    }

    /// Applies any event but a claim to a job, as the methods above do each for one.
    @discardableResult
    public func apply(
        _ event: JobState.Event, to id: JobID, failure: JobFailure? = nil, at now: Timestamp
    ) async throws(JobStoreError) -> Job {
        let transition = Transition(event: event, failure: failure, now: now)
        let job = try await write { db in try transition.apply(to: id, in: db) }
        board.post([JobChange(id: job.id, state: job.state)])
        return job
    }
}

/// One event that happens to one job: one `UPDATE ... WHERE id = ? AND state = ?` whose row count is looked at.
struct Transition {
    let event: JobState.Event
    let failure: JobFailure?
    let now: Timestamp

    /// Applies the event if the job's state allows it. A running job that nobody wants any more is cancelled where it would
    /// go back into the queue.
    func apply(to id: JobID, in db: Database) throws -> Job {
        let sql = "SELECT state, cancel_requested FROM job WHERE id = ?"
        guard let row = try Row.fetchOne(db.cachedStatement(sql: sql), arguments: [id.rawValue]),
            let state = JobState(rawValue: row["state"])
        else { throw JobStoreError.noSuchJob(id) }
        let next: JobState
        do { next = try state.applying(event) } catch { throw JobStoreError.illegalTransition(id, error) }
        if state == .running, next == .queued, row["cancel_requested"] {
            return try Transition(event: .cancel, failure: nil, now: now).apply(to: id, in: db)
        }
        return try update(id, from: state, to: next, in: db)
    }

    private func update(_ id: JobID, from state: JobState, to next: JobState, in db: Database) throws -> Job {
        let assignments: String
        switch event {
        case .finish: assignments = "failure = NULL"
        case .fail: assignments = "failure = :failure"
        case .release: assignments = "attempts = attempts - 1"
        case .retry: assignments = "attempts = 0, started_at = NULL, failure = NULL"
        case .claim, .orphan, .cancel: assignments = "attempts = attempts"
        }
        let statement = try db.cachedStatement(
            sql: """
                UPDATE job SET state = :next, cancel_requested = 0, finished_at = :finished_at, \(assignments)
                WHERE id = :id AND state = :state RETURNING *
                """)
        var arguments: StatementArguments = [
            "next": next.rawValue, "finished_at": next.isFinal ? now.millisecondsSinceEpoch : nil,
            "id": id.rawValue, "state": state.rawValue,
        ]
        if case .fail = event { arguments += ["failure": failure?.json.description] }
        guard let row = try Row.fetchOne(statement, arguments: arguments) else {
            preconditionFailure("a job changed its state inside of a transaction of ours")
        }
        return try Job(row)
    }

    static func claim(at now: Timestamp, in db: Database) throws -> Job? {
        let statement = try db.cachedStatement(
            sql: """
                UPDATE job SET state = 'running', attempts = attempts + 1, started_at = ?
                WHERE state = 'queued' AND sequence = (\(JobStore.nextInLine))
                    AND NOT EXISTS (SELECT 1 FROM setting WHERE key = 'paused')
                RETURNING *
                """)
        return try Row.fetchOne(statement, arguments: [now.millisecondsSinceEpoch]).map { try Job($0) }
    }

    static func requestCancel(_ id: JobID, in db: Database) throws -> Job? {
        let statement = try db.cachedStatement(
            sql: "UPDATE job SET cancel_requested = 1 WHERE id = ? AND state = 'running' RETURNING *")
        return try Row.fetchOne(statement, arguments: [id.rawValue]).map { try Job($0) }
    }
}
