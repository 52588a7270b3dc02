import GRDB
import JSONText
import Jobs

// How rows become values. What a row holds was checked when it was written, so a row that cannot be read means that
// somebody else wrote to the file: an error, never a crash.

extension Job {
    init(_ row: Row) throws {
        self.init(
            id: try row.checked("id") { JobID(rawValue: $0) },
            name: try row.checked("name") { ResultName(rawValue: $0) },
            source: try JobSource(row),
            request: try row.json("request") { try JobRequest(json: $0) },
            seed: try row.checked("seed") { UInt64($0) },
            state: try row.checked("state") { JobState(rawValue: $0) },
            attempts: row["attempts"], isCancelRequested: row["cancel_requested"],
            createdAt: Timestamp(millisecondsSinceEpoch: row["created_at"]),
            startedAt: row.time("started_at"), finishedAt: row.time("finished_at"),
            failure: row["failure"] == nil ? nil : try row.json("failure") { try JobFailure(json: $0) },
            owner: (row["owner"] as Int64?).map { UInt32(clamping: $0) })
    }
}

extension Rejection {
    init(_ row: Row) throws {
        self.init(
            name: try row.checked("name") { ResultName(rawValue: $0) }, source: try JobSource(row),
            failure: try row.json("failure") { try JobFailure(json: $0) },
            createdAt: Timestamp(millisecondsSinceEpoch: row["created_at"]))
    }
}

extension JobSource {
    fileprivate init(_ row: Row) throws {
        self.init(
            intake: try row.checked("intake") { IntakeID(rawValue: $0) }, file: row["file"], index: row["element"])
    }
}

extension Row {
    fileprivate func checked<Value>(_ column: String, _ read: (String) -> Value?) throws -> Value {
        let text: String = self[column]
        guard let value = read(text) else { throw unreadable(column) }
        return value
    }

    fileprivate func json<Value>(_ column: String, _ read: (JSONValue) throws -> Value) throws -> Value {
        let text: String = self[column]
        return try read(JSONValue(parsing: text.utf8))
    }

    fileprivate func time(_ column: String) -> Timestamp? {
        let milliseconds: Int64? = self[column]
        return milliseconds.map { Timestamp(millisecondsSinceEpoch: $0) }
    }

    private func unreadable(_ column: String) -> JobStoreError {
        .failed(problem: "a row's \(column) cannot be read", code: Int(ResultCode.SQLITE_CORRUPT.rawValue))
    }
}
