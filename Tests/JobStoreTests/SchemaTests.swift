import GRDB
import JobStore
import Jobs
import Testing

/// What the tables themselves refuse, whatever the code above them does.
struct SchemaTests {
    private let queue: TestQueue

    init() async throws {
        queue = try TestQueue()
        let store = try queue.open()
        try await store.add("a")
        try store.close()
    }

    private func database() throws -> DatabaseQueue { try DatabaseQueue(path: queue.path) }

    @Test(arguments: [
        "state = 'lost'", "state = 'running'", "state = 'running', attempts = 1", "state = 'running', started_at = 1",
        "state = 'succeeded', attempts = 1, started_at = 1", "state = 'failed', finished_at = 1", "state = 'cancelled'",
        "finished_at = 1", "cancel_requested = 1", "attempts = -1", "priority = 101", "request = '{'", "failure = 'x'",
        "seed = '-1'", "seed = ''", "id = ''", "element = -1", "attempts = 'many'",
        "state = 'succeeded', attempts = 1, started_at = 1, finished_at = 1, failure = '{}'", "name = 'nobody''s'",
        "state = 'cancelled', finished_at = 1, cancel_requested = 1",
    ])
    func `A row that no history leads to is refused`(assignments: String) throws {
        #expect(throws: DatabaseError.self) {
            try database().write { try $0.execute(sql: "UPDATE job SET \(assignments)") }
        }
    }

    @Test(arguments: [
        "state = 'running', attempts = 1, started_at = 1", "state = 'cancelled', finished_at = 1",
        "state = 'running', attempts = 1, started_at = 1, cancel_requested = 1",
        "state = 'succeeded', attempts = 1, started_at = 1, finished_at = 1",
        "state = 'failed', finished_at = 1, failure = '{}'",
    ])
    func `Rows of every state can be`(assignments: String) throws {
        try database().write { try $0.execute(sql: "UPDATE job SET \(assignments)") }
    }

    @Test func `The claim walks its index and sorts nothing`() throws {
        let plan = try database().read { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN " + JobStore.nextInLine).map { row -> String in row["detail"]
            }
        }
        #expect(plan == ["SCAN job USING INDEX job_claimable"])
    }
}
