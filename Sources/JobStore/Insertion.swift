import GRDB
import Jobs

/// What became of a submission. A repeated one answers as the first did, with `isNew` false.
public struct InsertionOutcome: Sendable, Equatable {
    /// A job of the submission as it stands in the queue.
    public struct Entry: Sendable, Equatable {
        /// The job; another file's (see `source`) when its id was known before.
        public let job: Job
        /// Whether this call put it there.
        public let isNew: Bool
    }

    /// One for each good job, in the file's order.
    public var jobs: [Entry] = []
    /// One for each bad one, in the file's order; `failed/` must tell of each.
    public var rejections: [Rejection] = []
    /// How many of the rejections this call put there.
    public var newRejectionCount = 0
}

extension JobStore {
    /// Puts all of a submission into the queue in one transaction. Doing so again changes nothing.
    ///
    /// `isOccupied` tells of names whose files exist though the queue forgot them; it is asked outside of the transaction, and blocks for
    /// the disk on a thread of the caller's choice.
    public func insert(
        _ submission: Submission, at now: Timestamp, isOccupied: @Sendable (ResultName) async -> Bool = { _ in false }
    ) async throws(JobStoreError) -> InsertionOutcome {
        var occupied: Set<ResultName> = []
        while true {
            let avoided = occupied
            let names = try await read { db in try submission.proposedNames(avoiding: avoided, in: db) }
            var clashes: [ResultName] = []
            for name in names {
                if await isOccupied(name) { clashes.append(name) }
            }
            if clashes.isEmpty { break }
            occupied.formUnion(clashes)
        }
        let avoided = occupied
        let outcome = try await write { db in try submission.insert(at: now, avoiding: avoided, into: db) }
        board.post(outcome.jobs.filter(\.isNew).map { JobChange(id: $0.job.id, state: $0.job.state) })
        return outcome
    }
}

extension Submission {
    /// The names that `insert` would give to what is new.
    fileprivate func proposedNames(avoiding occupied: Set<ResultName>, in db: Database) throws -> [ResultName] {
        var allocator = NameAllocator(avoiding: occupied)
        var names: [ResultName] = []
        for job in jobs where try job.existing(for: owner, in: db) == nil {
            names.append(try allocator.name(job.wishedName, in: db).name)
        }
        for rejection in rejections where try rejection.existing(in: db) == nil {
            names.append(try allocator.name(rejection.wishedName, in: db).name)
        }
        return names
    }

    fileprivate func insert(at now: Timestamp, avoiding occupied: Set<ResultName>, into db: Database) throws
        -> InsertionOutcome
    {
        var allocator = NameAllocator(avoiding: occupied)
        var outcome = InsertionOutcome()
        for job in jobs {
            if let existing = try job.existing(for: owner, in: db) {
                outcome.jobs.append(InsertionOutcome.Entry(job: existing, isNew: false))
            } else {
                let name = try allocator.reserve(job.wishedName, in: db)
                outcome.jobs.append(
                    InsertionOutcome.Entry(job: try job.insert(as: name, for: owner, at: now, into: db), isNew: true))
            }
        }
        for rejection in rejections {
            if let existing = try rejection.existing(in: db) {
                outcome.rejections.append(existing)
            } else {
                let name = try allocator.reserve(rejection.wishedName, in: db)
                outcome.rejections.append(try rejection.insert(as: name, at: now, into: db))
                outcome.newRejectionCount += 1
            }
        }
        return outcome
    }
}

extension NameAllocator {
    fileprivate mutating func reserve(_ wish: ResultName, in db: Database) throws -> ResultName {
        let (name, number) = try name(wish, in: db)
        let statement = try db.cachedStatement(sql: "INSERT INTO result_name (name, stem, number) VALUES (?, ?, ?)")
        try statement.execute(arguments: [name.rawValue, wish.rawValue, number])
        return name
    }
}

extension Submission.NewJob {
    /// The job of this element of this very file, or the one that `owner` calls so. Jobs without an owner are everybody's.
    fileprivate func existing(for owner: UInt32?, in db: Database) throws -> Job? {
        let own = try db.cachedStatement(sql: "SELECT * FROM job WHERE intake = ? AND element = ?")
        if let row = try Row.fetchOne(own, arguments: [source.intake.rawValue, source.index]) { return try Job(row) }
        let called = try db.cachedStatement(
            sql: """
                SELECT * FROM job WHERE coalesce(own_id, id) = ? AND coalesce(owner, -1) IN (?, -1)
                ORDER BY owner IS NULL LIMIT 1
                """)
        let arguments: StatementArguments = [id.rawValue, owner.map { Int64($0) } ?? -1]
        return try Row.fetchOne(called, arguments: arguments).map { try Job($0) }
    }

    /// The id itself, or one made from it where another user's job has it.
    private func freeID(for owner: UInt32?, in db: Database) throws -> JobID {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM job WHERE id = ?")
        var (candidate, number) = (id, 1)
        while try Bool.fetchOne(statement, arguments: [candidate.rawValue]) != nil {
            let ordinal = owner == nil ? number + 1 : number
            let suffix = (owner.map { "-\($0)" } ?? "") + (ordinal > 1 ? "-\(ordinal)" : "")
            guard let next = JobID(rawValue: id.rawValue.prefix(JobID.maximumLength - suffix.count) + suffix) else {
                preconditionFailure("the beginning of an id, hyphens and digits make an id")
            }
            (candidate, number) = (next, number + 1)
        }
        return candidate
    }

    fileprivate func insert(
        as name: ResultName, for owner: UInt32?, at now: Timestamp, into db: Database
    ) throws -> Job {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO job (id, own_id, owner, name, intake, file, element, request, seed, priority, deadline, created_at)
                VALUES (:id, :own_id, :owner, :name, :intake, :file, :element, :request, :seed, :priority, :deadline,
                    :created_at)
                """)
        let free = try freeID(for: owner, in: db)
        try statement.execute(arguments: [
            "id": free.rawValue, "own_id": free == id ? nil : id.rawValue, "owner": owner.map { Int64($0) },
            "name": name.rawValue, "intake": source.intake.rawValue, "file": source.file,
            "element": source.index, "request": request.json.description, "seed": String(seed),
            "priority": request.priority, "deadline": request.deadline?.millisecondsSinceEpoch,
            "created_at": now.millisecondsSinceEpoch,
        ])
        return Job(
            id: free, name: name, source: source, request: request, seed: seed, state: .queued, attempts: 0,
            isCancelRequested: false, createdAt: now, startedAt: nil, finishedAt: nil, failure: nil, owner: owner)
    }
}

extension Submission.NewRejection {
    fileprivate func existing(in db: Database) throws -> Rejection? {
        let statement = try db.cachedStatement(sql: "SELECT * FROM rejection WHERE intake = ? AND element = ?")
        let arguments: StatementArguments = [source.intake.rawValue, source.index]
        return try Row.fetchOne(statement, arguments: arguments).map { try Rejection($0) }
    }

    fileprivate func insert(as name: ResultName, at now: Timestamp, into db: Database) throws -> Rejection {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO rejection (name, intake, file, element, failure, created_at)
                VALUES (:name, :intake, :file, :element, :failure, :created_at)
                """)
        try statement.execute(arguments: [
            "name": name.rawValue, "intake": source.intake.rawValue, "file": source.file, "element": source.index,
            "failure": failure.json.description, "created_at": now.millisecondsSinceEpoch,
        ])
        return Rejection(name: name, source: source, failure: failure, createdAt: now)
    }
}
