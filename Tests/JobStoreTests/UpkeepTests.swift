import JobStore
import Jobs
import Testing

struct UpkeepTests {
    private let queue: TestQueue
    private let store: JobStore

    init() throws {
        queue = try TestQueue()
        store = try queue.open()
    }

    @Test func `Lists are newest first, of the states asked for`() async throws {
        for name in ["a", "b", "c"] { try await store.add(name) }
        _ = try await store.claimed()
        #expect(try await store.list().map(\.id.rawValue) == ["c", "b", "a"])
        #expect(try await store.list(JobFilter(states: [.queued], limit: 1)).map(\.id.rawValue) == ["c"])
        #expect(try await store.counts() == [.queued: 2, .running: 1, .succeeded: 0, .failed: 0, .cancelled: 0])
    }

    @Test func `Old results are forgotten, and their names are free again`() async throws {
        let old = try await store.add("old")
        _ = try await store.claimed()
        try await store.finish(old.id, at: time(10))
        let young = try await store.add("young")
        try await store.cancel(young.id, at: time(30))
        try await store.add("waiting")
        _ = try await store.insert(submission(1, "bad.json", "{"), at: time(10))

        #expect(try await store.finished(before: time(20)).map(\.id) == [old.id])
        #expect(try await store.deleteFinished(before: time(20)) == 2)
        #expect(try await store.deleteFinished(before: time(20)) == 0)
        #expect(try await store.list().map(\.id.rawValue) == ["waiting", "young"])
        #expect(try await store.rejections().isEmpty)
        #expect(try await store.add("old").name.rawValue == "old")
        let bad = try await store.insert(submission(2, "bad.json", "{"), at: time(40))
        #expect(bad.rejections.map(\.name.rawValue) == ["bad"])
    }
}
