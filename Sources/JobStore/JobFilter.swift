import GRDB
import Jobs

/// Which jobs a list holds.
public struct JobFilter: Sendable, Equatable {
    /// The states to list; empty for all.
    public var states: Set<JobState>
    /// The most jobs to answer.
    public var limit: Int
    /// Only jobs that are older than those of the page that said so (`JobPage.next`); nil for the newest.
    public var before: Int64?
    /// How many bytes the rows of one page may hold.
    public var maximumBytes: Int

    /// The newest `limit` jobs of the given `states`.
    public init(
        states: Set<JobState> = [], limit: Int = 100, before: Int64? = nil, maximumBytes: Int = .max
    ) {
        self.states = states
        self.limit = limit
        self.before = before
        self.maximumBytes = maximumBytes
    }

    /// The places in the queue of the jobs to answer, and of one more where there is one. They come from an index alone: sorting
    /// whole rows would hold them all.
    func sequences(in db: Database) throws -> [Int64] {
        let states = states.isEmpty ? Set(JobState.allCases) : states
        let marks = Array(repeating: "?", count: states.count).joined(separator: ", ")
        let sql = "SELECT sequence FROM job WHERE state IN (\(marks)) AND sequence < ? ORDER BY sequence DESC LIMIT ?"
        let limit = limit == .max ? limit : limit + 1
        let arguments = StatementArguments(states.map(\.rawValue)) + [before ?? .max, limit]
        return try Int64.fetchAll(db, sql: sql, arguments: arguments)
    }
}

/// Some of the jobs of a list.
public struct JobPage: Sendable, Equatable {
    /// The newest first.
    public var jobs: [Job] = []
    /// `JobFilter.before` of the next page; nil when this is the last one.
    public var next: Int64?

    /// What a row takes, in bytes: its texts, and something for the rest.
    static func byteCount(of row: Row) -> Int {
        let texts = ["request", "failure", "file"].map { (row[$0] as String?)?.utf8.count ?? 0 }
        return texts.reduce(512, +)
    }
}
