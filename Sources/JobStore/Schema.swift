import GRDB

// result_name ◄── job          what is queued, running or over; the authority on its state
//      ▲──────── rejection     what was handed in and is no job
// calibration                  what the planner learned about this host
// setting                      `paused`, as long as the queue is

/// The tables of the queue. A migration, once released, is never changed; a new one is added behind it.
enum Schema {
    /// "ltnd" in the database's header: this file is ours.
    static let applicationID = 0x6C74_6E64

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 queue") { db in
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
            try db.execute(sql: resultName + job + rejection + others)
        }
        migrator.registerMigration("2 owners") { db in try db.execute(sql: owners) }
        return migrator
    }

    /// Every NAME in `done/` and `failed/` that somebody owns. `number` counts those who wished for the same `stem`.
    private static let resultName = """
        CREATE TABLE result_name (
            name TEXT PRIMARY KEY,
            stem TEXT NOT NULL,
            number INTEGER NOT NULL CHECK (number >= 1)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX result_name_stem ON result_name (stem, number);

        """

    private static let job = """
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

        """

    private static let rejection = """
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

        """

    /// Whose a job is: an id is the same job's only for one user. Where another user's job has the id already, `own_id` is what the
    /// owner calls the job, and `id` an id that was made from it. Jobs of before have no owner: their ids are everybody's.
    private static let owners = """
        ALTER TABLE job ADD COLUMN owner INTEGER CHECK (owner IS NULL OR owner BETWEEN 0 AND 4294967295);
        ALTER TABLE job ADD COLUMN own_id TEXT CHECK (own_id IS NULL OR length(own_id) BETWEEN 1 AND 64);
        CREATE UNIQUE INDEX job_own_id ON job (coalesce(own_id, id), coalesce(owner, -1));
        """

    private static let others = """
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
