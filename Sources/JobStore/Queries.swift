import GRDB
import Jobs

extension JobStore {
    /// The job called `id`, or nil.
    public func job(_ id: JobID) async throws(JobStoreError) -> Job? {
        try await read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM job WHERE id = ?", arguments: [id.rawValue]).map { try Job($0) }
        }
    }

    /// The job that `owner` calls `reference`, else the one of that id, else the one whose result has that NAME.
    public func job(called reference: String, by owner: UInt32) async throws(JobStoreError) -> Job? {
        try await read { db in
            let ways: [(sql: String, arguments: StatementArguments)] = [
                ("coalesce(own_id, id) = ? AND coalesce(owner, -1) = ?", [reference, Int64(owner)]),
                ("id = ?", [reference]), ("name = ?", [reference]),
            ]
            for way in ways {
                let row = try Row.fetchOne(db, sql: "SELECT * FROM job WHERE \(way.sql)", arguments: way.arguments)
                if let row { return try Job(row) }
            }
            return nil
        }
    }

    /// The jobs that `filter` describes, newest first.
    public func list(_ filter: JobFilter = JobFilter()) async throws(JobStoreError) -> [Job] {
        try await page(filter).jobs
    }

    /// The first of the jobs that `filter` describes, newest first, as many as its bound in bytes allows, and where the next page
    /// begins. The bound counts what the rows hold; a page has at least one job where there is one.
    public func page(_ filter: JobFilter) async throws(JobStoreError) -> JobPage {
        try await read { db in
            let sequences = try filter.sequences(in: db)
            let statement = try db.cachedStatement(sql: "SELECT * FROM job WHERE sequence = ?")
            var (page, bytes) = (JobPage(), 0)
            for sequence in sequences.prefix(filter.limit) {
                guard let row = try Row.fetchOne(statement, arguments: [sequence]) else { continue }
                bytes += JobPage.byteCount(of: row)
                if bytes > filter.maximumBytes, !page.jobs.isEmpty { return page }
                page.jobs.append(try Job(row))
                page.next = sequence
            }
            if sequences.count <= filter.limit { page.next = nil }
            return page
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
