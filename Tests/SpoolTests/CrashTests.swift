import JobStore
import Jobs
import Spool
import SystemPackage
import Testing

/// The first promise: kill the daemon after any step, start it again, and every job is done exactly once.
@Suite(.timeLimit(.minutes(5)))
struct CrashTests {
    /// Two files with three good jobs and two bad ones between them.
    private static let stepCount = 32
    private static let files = [
        "a.json": #"[{"prompt": "first"}, {"prompt": 7}, {"prompt": "second", "id": "mine"}]"#,
        "b.txt": "third", "c.json": "{",
    ]

    private static func drop(into test: TestSpool) throws {
        _ = try test.open()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) { try test.drop(text, as: name) }
    }

    /// The end that every history must have.
    private static func expectTheEnd(of test: TestSpool, _ history: String) async throws {
        #expect(try test.contents(.incoming).isEmpty, "\(history)")
        #expect(try test.contents(.work).isEmpty, "\(history)")
        #expect(
            try test.contents(.done).keys.sorted() == [
                "a-1.json", "a-1.webp", "a-3.json", "a-3.webp", "b.json", "b.webp",
            ], "\(history)")
        #expect(
            try test.contents(.failed).keys.sorted() == ["a-2.job.json", "a-2.json", "c.job.json", "c.json"],
            "\(history)")
        let pictures = try test.contents(.done).filter { $0.key.hasSuffix(".webp") }.values.sorted()
        #expect(pictures == ["first", "second", "third"], "\(history)")
        let store = try JobStore.open(path: test.folder.appending(path: "queue.db").path)
        #expect(
            try await store.counts() == [.queued: 0, .running: 0, .succeeded: 3, .failed: 0, .cancelled: 0],
            "\(history)")
        #expect(try await store.rejections().count == 2, "\(history)")
    }

    @Test func `A life without a crash does every job`() async throws {
        let test = try TestSpool()
        try Self.drop(into: test)
        let steps = try await DaemonLife.run(on: test, dyingAfter: .max)
        try await Self.expectTheEnd(of: test, "no crash")
        #expect(steps == Self.stepCount)
        // Nothing is left to do, and doing it all over changes nothing.
        #expect(try await DaemonLife.run(on: test, dyingAfter: .max) == 0)
    }

    @Test(arguments: 0..<stepCount)
    func `A crash after any step loses and repeats nothing`(step: Int) async throws {
        let test = try TestSpool()
        try Self.drop(into: test)
        _ = try await DaemonLife.run(on: test, dyingAfter: step)
        _ = try await DaemonLife.run(on: test, dyingAfter: .max)
        try await Self.expectTheEnd(of: test, "crash after step \(step)")
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small file system takes root"))
    func `A disk that is full at the beginning of every step delays the step, and loses and repeats nothing`()
        async throws
    {
        let disk = try #require(SmallDisk(size: 2 << 20))
        let test = try TestSpool(in: disk.folder)
        try Self.drop(into: test)
        let (steps, delays) = try await DaemonLife.run(on: test, filling: disk)
        try await Self.expectTheEnd(of: test, "a full disk")
        #expect(steps == Self.stepCount)
        // Renaming and removing need no room; each of the others found none.
        #expect(delays >= 15, "\(delays) of \(steps)")
    }

    @Test(arguments: [1, 2, 3, 5, 8, 9, 10, 11, 12, 13])
    func `Crash after crash loses and repeats nothing`(step: Int) async throws {
        let test = try TestSpool()
        try Self.drop(into: test)
        // Each life goes one step further than the last one, as some crash loops do.
        var lives = 0
        while try await DaemonLife.run(on: test, dyingAfter: step + lives) >= step + lives { lives += 1 }
        try await Self.expectTheEnd(of: test, "\(lives) crashes, the first after step \(step)")
    }
}
