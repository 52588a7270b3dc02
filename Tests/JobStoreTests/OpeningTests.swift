import Foundation
import GRDB
import JobStore
import Jobs
import Testing

struct OpeningTests {
    private let queue: TestQueue

    init() throws { queue = try TestQueue() }

    @Test func `Everything is there again after a restart`() async throws {
        let store = try queue.open()
        try await store.add("waits")
        try await store.add("ran", #""priority": 9"#)
        _ = try await store.claimed()
        try await store.setPaused(true)
        try await store.saveCalibration(key: "host", json: #"{"a": 1}"#, at: time(0))
        try await store.saveCalibration(key: "host", json: #"{"a": 2}"#, at: time(1))
        let before = try await store.list()
        try store.close()

        let again = try queue.open()
        #expect(try await again.list() == before)
        #expect(try await again.running().map(\.id.rawValue) == ["ran"])
        #expect(try await again.isPaused())
        #expect(try await again.calibration(key: "host") == #"{"a": 2}"#)
        #expect(try await again.calibration(key: "other") == nil)
    }

    @Test func `A second daemon is refused while the first lives`() async throws {
        var store: JobStore? = try queue.open()
        #expect(throws: JobStoreError.self) { try queue.open() }
        _ = try await store?.counts()
        store = nil
        #expect(throws: Never.self) { try queue.open() }
    }

    @Test func `A file that is no database is refused and left alone`() throws {
        let bytes = Data(String(repeating: "not a database ", count: 1000).utf8)
        try bytes.write(to: URL(filePath: queue.path))
        let error = #expect(throws: JobStoreError.self) { try queue.open() }
        guard case .corrupt? = error else { throw error ?? .inUse(path: "") }
        #expect(try Data(contentsOf: URL(filePath: queue.path)) == bytes)
    }

    @Test func `A damaged database is refused`() async throws {
        let store = try queue.open()
        for number in 0..<200 { try await store.add("job-\(number)") }
        try store.close()
        let file = try FileHandle(forUpdating: URL(filePath: queue.path))
        let size = try file.seekToEnd()
        for page in stride(from: 4096 * 2, to: size, by: 4096) {
            try file.seek(toOffset: page)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 512))
        }
        try file.close()
        let error = #expect(throws: JobStoreError.self) { try queue.open() }
        guard case .corrupt? = error else { throw error ?? .inUse(path: "") }
    }

    @Test func `A database of another program is refused and left alone`() throws {
        try DatabaseQueue(path: queue.path).write { try $0.execute(sql: "CREATE TABLE recipe (name TEXT)") }
        let error = #expect(throws: JobStoreError.self) { try queue.open() }
        guard case .foreign? = error else { throw error ?? .inUse(path: "") }
        #expect(try DatabaseQueue(path: queue.path).read { try $0.tableExists("recipe") && !$0.tableExists("job") })
    }

    @Test func `A database of a newer version is refused`() throws {
        try queue.open().close()
        try DatabaseQueue(path: queue.path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('9 the future')")
        }
        let error = #expect(throws: JobStoreError.self) { try queue.open() }
        guard case .newer? = error else { throw error ?? .inUse(path: "") }
    }

    @Test func `A folder that is missing is an error that names the file`() throws {
        let error = #expect(throws: JobStoreError.self) { try JobStore.open(path: "/nonexistent/queue.db") }
        #expect(error?.description.contains("/nonexistent/queue.db") == true)
    }

    @Test func `A write is on the disk before it is answered`() async throws {
        let store = try queue.open()
        try await store.add("a")
        // What another process would see if this one were killed now: the files as they are.
        let copy = try TestQueue()
        for ending in ["", "-wal"] {
            try FileManager.default.copyItem(atPath: queue.path + ending, toPath: copy.path + ending)
        }
        #expect(try await copy.open().counts()[.queued] == 1)
        _ = try await store.counts()
    }
}
