import Foundation
import JSONText
import Jobs
import Spool
import SystemPackage
import Testing

struct ResultTests {
    private let test: TestSpool
    private let spool: Spool

    init() throws {
        test = try TestSpool()
        spool = try test.open()
    }

    private func job(_ id: String, named text: String) throws -> Job {
        var request = JobRequest(prompt: "x")
        request.id = JobID(rawValue: id)
        return Job(
            id: try #require(request.id), name: try name(text),
            source: JobSource(intake: intake(1), file: "f.json", index: 0),
            request: request, seed: .max, state: .running, attempts: 3, isCancelRequested: false, createdAt: time(0),
            startedAt: time(1), finishedAt: nil, failure: nil)
    }

    @Test func `A result is there when its record is, and only for its own job`() throws {
        let job = try job("me", named: "cat")
        let record = Array(#"{"id": "me"}"#.utf8)
        for step in ResultStep.allCases {
            #expect(!spool.hasResult(job.name, for: job.id))
            try spool.perform(step, job.name, picture: [1, 2], record: record)
        }
        #expect(spool.hasResult(job.name, for: job.id))
        #expect(!spool.hasResult(job.name, for: try #require(JobID(rawValue: "other"))))
        #expect(!spool.hasResult(try name("dog"), for: job.id))
        #expect(try test.contents(.done).keys.sorted() == ["cat.json", "cat.webp"])
        try spool.removeResult(job.name)
        try spool.removeResult(job.name)
        #expect(try test.contents(.done).isEmpty)
    }

    @Test func `A failure tells why, and holds a job that can be handed in again`() throws {
        let job = try job("me", named: "cat")
        let failure = JobFailure(kind: .permanent, code: "crashed", message: "the daemon died under it 3 times")
        try spool.writeFailed(job, failure, at: time(2))
        #expect(spool.hasFailure(job.name, for: job.id))
        #expect(spool.isOccupied(job.name))
        let failed = try test.contents(.failed)
        let report = try JSONValue(parsing: try #require(failed["cat.json"]).utf8)
        #expect(report["id"] == .string("me"))
        #expect(report["error"]?["code"] == .string("crashed"))
        #expect(report["attempts"] == .number(JSONNumber(3)))
        let again = try JobRequest.decode(json: try #require(failed["cat.job.json"]).utf8)
        #expect((again.id, again.seed, again.prompt) == (nil, .max, "x"))

        try spool.writeDone(job.name, picture: [1], record: Array(#"{"id": "me"}"#.utf8))
        #expect(try test.contents(.failed).isEmpty)
    }

    @Test func `A name is occupied by any of its files`() throws {
        for file in ["done/a.webp", "done/b.json", "failed/c.json"] {
            try Data().write(to: URL(filePath: test.root.appending(file).string))
        }
        for text in ["a", "b", "c"] { #expect(spool.isOccupied(try name(text))) }
        #expect(!spool.isOccupied(try name("d")))
    }

    @Test func `What a crash left half written is removed at the next start`() throws {
        try spool.perform(.stagePicture, name("cat"), picture: [1], record: [])
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: test.root.appending("work/tmp").string) == [
                "done.cat.webp"
            ])
        _ = try test.open()
        #expect(try FileManager.default.contentsOfDirectory(atPath: test.root.appending("work/tmp").string).isEmpty)
        #expect(try test.contents(.done).isEmpty)
    }

    @Test func `There is some free space`() throws {
        #expect(try spool.freeSpace() > 0)
    }

    @Test func `A file where a folder should be stops the start`() throws {
        let other = try TestSpool()
        try FileManager.default.createDirectory(atPath: other.root.string, withIntermediateDirectories: false)
        try Data().write(to: URL(filePath: other.root.appending("done").string))
        #expect(throws: SpoolError.notAFolder(other.root.appending("done"))) { try other.open() }
    }

    @Test func `A link where a folder should be stops the start`() throws {
        let other = try TestSpool()
        try FileManager.default.createDirectory(atPath: other.root.string, withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: other.root.appending("work").string, withDestinationPath: "/tmp")
        #expect(throws: SpoolError.notAFolder(other.root.appending("work"))) { try other.open() }
    }

    @Test(.enabled(if: SmallDisk.isPossible)) func `A folder on another file system stops the start`() throws {
        let disk = try #require(SmallDisk(size: 64 << 10))
        let root = FilePath(disk.folder.path)
        let done = try #require(SmallDisk(size: 64 << 10, at: disk.folder.appending(path: "done")))
        let error = try #require(throws: SpoolError.self) { try Spool(root: root, maximumFileSize: 1) }
        #expect(error == .separateFilesystems(root.appending("work"), root.appending("done")))
        withExtendedLifetime(done) {}
    }
}
