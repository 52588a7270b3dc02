import Daemon
import Foundation
import JobStore
import Jobs
import Logging
import Settings
import Spool
import Synchronization
import SystemPackage
import Testing

@Suite("The janitor")
struct JanitorTests {
    @Test("Finished jobs and files in failed/ go when they have the age that the settings say, and not before")
    func ages() async throws {
        let root = NSTemporaryDirectory() + "janitor-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }
        let store = try JobStore.open(path: root + "/queue.db")
        let spool = try Spool(root: FilePath(root + "/spool"), maximumFileSize: 1 << 20)
        var settings = Settings()
        (settings.keepFinished, settings.keepFailed) = (.seconds(3600), .seconds(7200))
        // The kernel dates files by its own clock, so that this one begins with the present.
        let start = Timestamp(millisecondsSinceEpoch: Int64(Date().timeIntervalSince1970 * 1000))
        let present = Mutex(start)
        let clock = Clock {
            present.withLock { $0 }
        } elapsed: {
            .zero
        }
        let janitor = Janitor(
            store: store, spool: spool, settings: LiveSettings(settings), clock: clock, logger: Logger(label: "test"))

        let submission = Submission(
            intake: IntakeID(time: start, entropy: 1), fileName: "a.json", bytes: Array(#"{"prompt":"a"}"#.utf8))
        let job = try #require(try await store.insert(submission, at: start).jobs.first).job
        try await store.cancel(job.id, at: start)
        try spool.writeFailed(job, JobFailure(kind: .permanent, code: "test", message: "no"), at: start)
        func files() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: root + "/spool/failed").count }

        for (seconds, jobs, reports) in [(3599, 1, 2), (3602, 0, 2), (7190, 0, 2), (7260, 0, 0)] {
            present.withLock { $0 = start + .seconds(seconds) }
            await janitor.cleanUp()
            #expect(try await store.list().count == jobs, "after \(seconds) s")
            #expect(try files() == reports, "after \(seconds) s")
        }
        try store.close()
    }
}
