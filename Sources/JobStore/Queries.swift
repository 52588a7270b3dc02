import GRDB
import Jobs

/// Which jobs a list holds.
public struct JobFilter: Sendable, Equatable {
    /// The states to list; empty for all.
    public var states: Set<JobState>
    /// The most jobs to answer.
    public var limit: Int

    /// The newest `limit` jobs of the given `states`.
    public init(states: Set<JobState> = [], limit: Int = 100) {
        self.states = states
        self.limit = limit
    }
}

extension JobStore {
    /// The job called `id`, or nil.
    public func job(_ id: JobID) async throws(JobStoreError) -> Job? {
        try await read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue]).map { try Job($0) }
        }
    }

    /// The jobs that `filter` describes, newest first.
    public func list(_ filter: JobFilter = JobFilter()) async throws(JobStoreError) -> [Job] {
        try await read { db in
            let states = filter.states.isEmpty ? Set(JobState.allCases) : filter.states
            let marks = Array(repeating: "?", count: states.count).joined(separator: ", ")
            let sql = "SELECT * FROM job WHERE state IN (\(marks)) ORDER BY sequence DESC LIMIT ?"
            let arguments = StatementArguments(states.map(\.rawValue)) + [filter.limit]
            return try Row.fetchAll(db, sql: sql, arguments: arguments).map { try Job($0) }
        }
    }

    /// How many jobs are in each state; every state has an entry.
    public func counts() async throws(JobStoreError) -> [JobState: Int] {
        try await read { db in
            var counts = Dictionary(uniqueKeysWithValues: JobState.allCases.map { ($0, 0) })
            for row in try Row.fetchAll(db, sql: "SELECT state, count(*) AS count FROM job GROUP BY state") {
                if let state = JobState(rawValue: row["state"]) { counts[state] = row["count"] }
            }
            return counts
        }
    }

    /// The running jobs. Before the worker starts these are the orphans of a daemon that died: each must be finished if its
    /// result is there, failed if it was tried too often, and requeued otherwise.
    public func running() async throws(JobStoreError) -> [Job] {
        try await list(JobFilter(states: [.running], limit: .max))
    }

    /// The newest `limit` rejections.
    public func rejections(limit: Int = 100) async throws(JobStoreError) -> [Rejection] {
        try await read { db in
            let sql = "SELECT * FROM rejection ORDER BY created_at DESC, intake, element LIMIT ?"
            return try Row.fetchAll(db, sql: sql, arguments: [limit]).map { try Rejection($0) }
        }
    }

    /// Whether somebody asked the running job to stop. Blocks the calling thread for one small read, so that the inference
    /// thread can ask between two steps; nobody else should.
    public func isCancelRequested(_ id: JobID) throws(JobStoreError) -> Bool {
        do {
            return try pool.read { db in
                let statement = try db.cachedStatement(sql: "SELECT cancel_requested FROM job WHERE id = ?")
                return try Bool.fetchOne(statement, arguments: [id.rawValue]) ?? false
            }
        } catch {
            throw JobStoreError(error)
        }
    }
}
