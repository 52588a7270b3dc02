import Foundation
import JobStore
import Jobs
import Testing

/// The queue that the release 0.1.0 left behind when it was killed (`Tests/Fixtures/releases`).
@Suite("The queue of the release 0.1.0")
struct ReleaseTests {
    private let queue: TestQueue

    init() throws {
        queue = try TestQueue()
        let release = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../Fixtures/releases/0.1.0/queue.db")
        try FileManager.default.copyItem(at: release, to: URL(filePath: queue.path))
    }

    @Test("Each job is there, in its state")
    func jobs() async throws {
        let store = try queue.open()
        let states = Dictionary(uniqueKeysWithValues: try await store.list().map { ($0.id.rawValue, $0.state) })
        #expect(
            states == [
                "done": .succeeded, "failed": .failed, "running": .running, "cancelled": .cancelled,
                "waiting": .queued,
            ])
        let waiting = try #require(try await store.job(id("waiting")))
        #expect(waiting.request.prompt == "waiting" && waiting.request.priority == 3)
        #expect(waiting.request.latencyBudget == .seconds(20))
        #expect(try await store.job(id("failed"))?.failure?.message.isEmpty == false)
        #expect(try await store.isPaused())
    }

    @Test("Its jobs are claimed, finished and tried again as ever")
    func transitions() async throws {
        let store = try queue.open()
        try await store.setPaused(false)
        #expect(try await store.claim(at: time(0))?.id == id("waiting"))
        _ = try await store.finish(id("waiting"), at: time(1))
        #expect(try await store.release(id("running"), at: time(1)).state == .queued)
        #expect(try await store.retry(id("failed"), at: time(2)).state == .queued)
    }
}
