import Foundation
import JobStore
import Jobs
import Spool
import SystemPackage
import Testing

@Suite(.enabled(if: SmallDisk.isPossible, "mounting a small file system takes root"))
struct FullDiskTests {
    @Test func `A full disk is a transient error that leaves no partial result`() throws {
        let disk = try #require(SmallDisk(size: 256 << 10))
        let spool = try Spool(root: FilePath(disk.folder.appending(path: "spool").path), maximumFileSize: 1 << 20)
        let picture = [UInt8](repeating: 7, count: 512 << 10)
        let record = Array(#"{"id": "me"}"#.utf8)
        let error = try #require(throws: SpoolError.self) {
            try spool.writeDone(name("cat"), picture: picture, record: record)
        }
        #expect(error.isTransient)
        #expect(error.description.contains("No space left"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: spool.path(.done).string).isEmpty)
        // With room again, the same step succeeds.
        try spool.writeDone(name("cat"), picture: [1], record: record)
        #expect(spool.hasResult(try name("cat"), for: try #require(JobID(rawValue: "me"))))
    }

    @Test func `A queue on a full disk refuses an insertion whole, and goes on with room`() async throws {
        let disk = try #require(SmallDisk(size: 1 << 20))
        let store = try JobStore.open(path: disk.folder.appending(path: "queue.db").path)
        let line = #"{"prompt": "\#(String(repeating: "x", count: 1000))"}"#
        let lines = Array(repeating: line, count: 2000).joined(separator: "\n")
        let large = Submission(intake: intake(1), fileName: "large.jsonl", bytes: Array(lines.utf8))
        let error = try #require(
            await #expect(throws: JobStoreError.self) { try await store.insert(large, at: time(0)) })
        #expect(error.isTransient, "\(error)")
        #expect(try await store.counts()[.queued] == 0)
        let small = Submission(intake: intake(2), fileName: "small.json", bytes: Array(line.utf8))
        #expect(try await store.insert(small, at: time(0)).jobs.map(\.isNew) == [true])
    }
}
