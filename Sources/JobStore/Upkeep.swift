import GRDB
import Jobs

extension JobStore {
    /// Stops or lets go the claiming of jobs; outlives the daemon.
    public func setPaused(_ isPaused: Bool) async throws(JobStoreError) {
        try await write { db in
            if isPaused {
                try db.execute(sql: "INSERT INTO setting (key, value) VALUES ('paused', '1') ON CONFLICT DO NOTHING")
            } else {
                try db.execute(sql: "DELETE FROM setting WHERE key = 'paused'")
            }
        }
        if !isPaused { board.postClaimable() }
    }

    /// Whether the claiming of jobs is stopped.
    public func isPaused() async throws(JobStoreError) -> Bool {
        try await read { db in
            try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM setting WHERE key = 'paused')") ?? false
        }
    }

    /// Keeps what the planner learned under `key`, in place of what was there. `json` must be a JSON text.
    public func saveCalibration(key: String, json: String, at now: Timestamp) async throws(JobStoreError) {
        try await write { db in
            let sql = """
                INSERT INTO calibration (key, value, saved_at) VALUES (?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value, saved_at = excluded.saved_at
                """
            try db.execute(sql: sql, arguments: [key, json, now.millisecondsSinceEpoch])
        }
    }

    /// The JSON text that was kept under `key`.
    public func calibration(key: String) async throws(JobStoreError) -> String? {
        try await read { db in
            try String.fetchOne(db, sql: "SELECT value FROM calibration WHERE key = ?", arguments: [key])
        }
    }

    /// Jobs in a final state since before `time`, oldest first: what the janitor may remove, files first.
    public func finished(before time: Timestamp, limit: Int = 1000) async throws(JobStoreError) -> [Job] {
        try await read { db in
            let sql = """
                SELECT * FROM job WHERE state IN ('succeeded', 'failed', 'cancelled') AND finished_at < ?
                ORDER BY finished_at LIMIT ?
                """
            return try Row.fetchAll(db, sql: sql, arguments: [time.millisecondsSinceEpoch, limit]).map { try Job($0) }
        }
    }

    /// Forgets jobs that reached a final state before `time`, and rejections as old; answers how many.
    ///
    /// Their names and ids are free again, so remove their files first (`finished(before:)`).
    @discardableResult
    public func deleteFinished(before time: Timestamp) async throws(JobStoreError) -> Int {
        try await write { db in
            let arguments: StatementArguments = [time.millisecondsSinceEpoch]
            try db.execute(
                sql: "DELETE FROM job WHERE state IN ('succeeded', 'failed', 'cancelled') AND finished_at < ?",
                arguments: arguments)
            var count = db.changesCount
            try db.execute(sql: "DELETE FROM rejection WHERE created_at < ?", arguments: arguments)
            count += db.changesCount
            if count > 0 {
                try db.execute(
                    sql: """
                        DELETE FROM result_name WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.name = result_name.name)
                            AND NOT EXISTS (SELECT 1 FROM rejection WHERE rejection.name = result_name.name)
                        """)
            }
            return count
        }
    }
}
