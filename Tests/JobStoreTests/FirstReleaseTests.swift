import GRDB
import JobStore
import Jobs
import Testing

/// A queue that the first release wrote: its schema, and a job in each state, as they are on disks.
struct FirstReleaseTests {
    private let queue: TestQueue

    init() throws {
        queue = try TestQueue()
        try DatabaseQueue(path: queue.path).write { db in
            try db.execute(sql: "PRAGMA application_id = \(0x6C74_6E64)")
            try db.execute(sql: Self.schema)
            try db.execute(sql: Self.rows)
        }
    }

    @Test func `It is read, migrated, and goes on`() async throws {
        let store = try queue.open()
        #expect(
            try await store.counts() == [.queued: 1, .running: 1, .succeeded: 1, .failed: 1, .cancelled: 1])
        let jobs = try await store.list()
        #expect(jobs.map(\.id.rawValue) == ["e", "d", "c", "b", "a"])
        #expect(jobs.allSatisfy { $0.owner == nil })
        // Names that nobody may ask for any more are names still.
        #expect(jobs.last?.name.rawValue == "-rf")
        #expect(jobs.last?.request.output.name?.rawValue == "-rf")
        #expect(try await store.rejections().map(\.name.rawValue) == ["bad"])
        #expect(try await store.isPaused())
        #expect(try await store.calibration(key: "host") == #"{"a": 1}"#)
        // Handed in again by whoever: nothing is made twice.
        let again = try await store.insert(
            submission(9, "again.json", #"{"prompt": "x", "id": "c"}"#, owner: 1001), at: time(1))
        #expect(again.jobs.map(\.isNew) == [false])
        #expect(try await store.retry(id("d"), at: time(2)).state == .queued)
        try store.close()
        #expect(try await queue.open().list().count == 5)
    }

    private static let rows = """
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations VALUES ('1 queue');
        INSERT INTO result_name VALUES ('-rf', '-rf', 1), ('b', 'b', 1), ('c', 'c', 1), ('d', 'd', 1), ('e', 'e', 1), ('bad', 'bad', 1);
        INSERT INTO job (id, name, intake, file, element, request, seed, priority, state, attempts, created_at, started_at,
            finished_at, failure)
        VALUES
            ('a', '-rf', '00000000000001', 'a.json', 0, '{"prompt": "x", "output": {"name": "-rf"}}', '1', 0, 'queued', 0, 1,
                NULL, NULL, NULL),
            ('b', 'b', '00000000000002', 'b.json', 0, '{"prompt": "x"}', '18446744073709551615', 5, 'running', 1, 1, 2, NULL,
                NULL),
            ('c', 'c', '00000000000003', 'c.json', 0, '{"id": "c", "prompt": "x"}', '1', 0, 'succeeded', 1, 1, 2, 3, NULL),
            ('d', 'd', '00000000000004', 'd.json', 0, '{"prompt": "x"}', '1', 0, 'failed', 1, 1, 2, 3,
                '{"kind": "permanent", "code": "test", "message": "m"}'),
            ('e', 'e', '00000000000005', 'e.json', 0, '{"prompt": "x"}', '1', 0, 'cancelled', 0, 1, NULL, 3, NULL);
        INSERT INTO rejection VALUES
            ('bad', '00000000000006', 'bad.json', 0, '{"kind": "permanent", "code": "test", "message": "m"}', 1);
        INSERT INTO calibration VALUES ('host', '{"a": 1}', 1);
        INSERT INTO setting VALUES ('paused', '1');
        """

    private static let schema = """
        CREATE TABLE result_name (
            name TEXT PRIMARY KEY,
            stem TEXT NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 1)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX result_name_stem ON result_name (stem, number);

        CREATE TABLE job (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE CHECK (length(id) BETWEEN 1 AND 64),
            name TEXT NOT NULL UNIQUE REFERENCES result_name (name),
            intake TEXT NOT NULL,
            file TEXT NOT NULL,
            element INTEGER NOT NULL CHECK (element >= 0),
            request TEXT NOT NULL CHECK (json_valid(request)),
            seed TEXT NOT NULL CHECK (seed <> '' AND seed NOT GLOB '*[^0-9]*'),
            priority INTEGER NOT NULL CHECK (priority BETWEEN -100 AND 100),
            deadline INTEGER,
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
            attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
            cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
            created_at INTEGER NOT NULL,
            started_at INTEGER,
            finished_at INTEGER,
            failure TEXT CHECK (failure IS NULL OR json_valid(failure)),
            UNIQUE (intake, element),
            CHECK (state NOT IN ('running', 'succeeded') OR (attempts >= 1 AND started_at IS NOT NULL)),
            CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
            CHECK (state <> 'failed' OR failure IS NOT NULL),
            CHECK (state <> 'succeeded' OR failure IS NULL),
            CHECK (state = 'running' OR cancel_requested = 0)
        ) STRICT;
        CREATE INDEX job_claimable ON job (priority DESC, coalesce(deadline, 9223372036854775807), sequence)
            WHERE state = 'queued';
        CREATE INDEX job_state ON job (state, finished_at);

        CREATE TABLE rejection (
            name TEXT PRIMARY KEY REFERENCES result_name (name),
            intake TEXT NOT NULL,
            file TEXT NOT NULL,
            element INTEGER NOT NULL CHECK (element >= 0),
            failure TEXT NOT NULL CHECK (json_valid(failure)),
            created_at INTEGER NOT NULL,
            UNIQUE (intake, element)
        ) STRICT;
        CREATE INDEX rejection_created_at ON rejection (created_at);

        CREATE TABLE calibration (
            key TEXT PRIMARY KEY,
            value TEXT NOT NULL CHECK (json_valid(value)),
            saved_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE setting (
            key TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) STRICT;
        """
}
