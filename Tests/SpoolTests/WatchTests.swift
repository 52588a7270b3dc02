import Foundation
import Glibc
import Jobs
import Spool
import Synchronization
import SystemPackage
import Testing

@Suite(.timeLimit(.minutes(1)))
struct WatchTests {
    private let test: TestSpool
    private let spool: Spool
    private let incoming: FilePath

    init() throws {
        test = try TestSpool()
        spool = try test.open()
        incoming = test.root.appending("incoming")
    }

    private func create(_ name: String, _ text: String = "x") throws -> CInt {
        let descriptor = Glibc.open(incoming.appending(name).string, O_CREAT | O_WRONLY, 0o640)
        try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
        return descriptor
    }

    @Test func `What is there already comes first, by age, without what is ignored`() async throws {
        for (age, name) in [
            (3, "c.txt"), (1, "a.txt"), (2, "b.txt"), (4, ".hidden.txt"), (4, "x.tmp"), (4, "y.part"), (4, "z.txt~"),
        ] {
            close(try create(name))
            var times = [timeval(tv_sec: 1_000_000 + age, tv_usec: 0), timeval(tv_sec: 1_000_000 + age, tv_usec: 0)]
            utimes(incoming.appending(name).string, &times)
        }
        var entries = Arrivals(try spool.incomingFiles())
        var names: [String?] = []
        for _ in 0..<3 { names.append(try await entries.nextNew()) }
        #expect(names == ["a.txt", "b.txt", "c.txt"])
        try test.drop("x", as: "d.txt")
        #expect(try await entries.nextNew() == "d.txt")
    }

    @Test func `A file comes when it is closed, not before`() async throws {
        let early = try create("early.txt")
        var entries = Arrivals(try spool.incomingFiles())
        let late = try create("late.txt")
        try test.drop("x", as: "other.txt")
        #expect(try await entries.nextNew() == "other.txt")
        close(early)
        #expect(try await entries.nextNew() == "early.txt")
        close(late)
        #expect(try await entries.nextNew() == "late.txt")
    }

    @Test func `What is never closed comes too: links, pipes, folders, second names`() async throws {
        var entries = Arrivals(try spool.incomingFiles())
        try #require(mkfifo(incoming.appending("pipe").string, 0o600) == 0)
        #expect(try await entries.nextNew() == "pipe")
        try #require(symlink("/etc/passwd", incoming.appending("link").string) == 0)
        #expect(try await entries.nextNew() == "link")
        try #require(mkdir(incoming.appending("folder").string, 0o700) == 0)
        #expect(try await entries.nextNew() == "folder")
        let outside = test.folder.appending(path: "outside").path
        try Data("x".utf8).write(to: URL(filePath: outside))
        try #require(link(outside, incoming.appending("second.txt").string) == 0)
        #expect(try await entries.nextNew() == "second.txt")
    }

    @Test func `The folder is read again now and then`() async throws {
        try test.drop("x", as: "a.txt")
        var entries = try spool.incomingFiles(rescan: .milliseconds(20)).makeAsyncIterator()
        // Nothing takes it, and no event tells of it again.
        for _ in 0..<3 { #expect(try await entries.next()?.description == "a.txt") }
    }

    @Test func `What is no job by its name comes only after it lay still, and not when it is renamed in time`()
        async throws
    {
        let clock = ContinuousClock()
        let start = clock.now
        try test.drop("x", as: "early.xml")
        var entries = Arrivals(
            try spool.incomingFiles(settling: .milliseconds(50), unknownFileDelay: { .milliseconds(400) }))
        try test.drop("x", as: "late.json.1a2b3c4d.partial")
        try test.drop("x", as: "late")
        try test.drop("x", as: "other.upl")
        try #require(rename(incoming.appending("other.upl").string, incoming.appending("other.txt").string) == 0)
        #expect(try await entries.nextNew() == "other.txt")
        var names: Set<String> = []
        for _ in 0..<2 { names.formUnion([try #require(try await entries.nextNew())]) }
        #expect(names == ["early.xml", "late"])
        #expect(clock.now - start >= .milliseconds(400))
        try #require(
            rename(
                incoming.appending("late.json.1a2b3c4d.partial").string, incoming.appending("late.json").string) == 0)
        #expect(try await entries.nextNew() == "late.json")
    }

    @Test func `A folder that is filled is not told of before it lies still`() async throws {
        let folder = incoming.appending("jobs")
        try #require(mkdir(folder.string, 0o700) == 0)
        var entries = Arrivals(
            try spool.incomingFiles(
                settling: .milliseconds(1), rescan: .milliseconds(20), unknownFileDelay: { .milliseconds(500) }))
        let clock = ContinuousClock()
        var last = clock.now
        for number in 0..<20 {
            let descriptor = Glibc.open(folder.appending("\(number).json").string, O_CREAT | O_WRONLY, 0o600)
            close(descriptor)
            last = clock.now
            usleep(20_000)
        }
        #expect(try await entries.nextNew() == "jobs")
        #expect(clock.now - last >= .milliseconds(450))
        try test.drop("x", as: "a.txt")
        #expect(try await entries.nextNew() == "a.txt")
    }

    @Test func `How long is asked anew, and never is never`() async throws {
        try test.drop("x", as: "a.xml")
        let delay = Mutex<Duration?>(nil)
        var entries = Arrivals(
            try spool.incomingFiles(settling: .zero, rescan: .milliseconds(10)) { delay.withLock { $0 } })
        for name in ["b.txt", "c.txt"] {
            try test.drop("x", as: name)
            #expect(try await entries.nextNew() == name)
        }
        delay.withLock { $0 = .zero }
        #expect(try await entries.nextNew() == "a.xml")
    }

    @Test func `However many files come while nobody reads, only so many names wait, each once, and none is lost`()
        async throws
    {
        let entries = try spool.incomingFiles(rescan: .milliseconds(5), capacity: 8)
        for number in 0..<100 { try test.drop("x", as: "\(number).txt") }
        // A reader that waits, as the intake does for room, while files are renamed on and on.
        for number in 0..<2000 {
            let names = ["100.txt", "101.txt"].map { incoming.appending($0).string }
            if number == 0 { try test.drop("x", as: "100.txt") }
            try #require(rename(names[number % 2], names[(number + 1) % 2]) == 0)
        }
        var taken: Set<String> = []
        for try await entry in entries {
            if try spool.take(entry, as: intake(UInt32(taken.count))) != nil { taken.insert(entry.description) }
            if taken.count == 101 { break }
        }
        #expect(try test.contents(.incoming).isEmpty)
    }

    @Test func `A burst of files comes whole, each once`() async throws {
        let entries = try spool.incomingFiles()
        for number in 0..<500 { try test.drop("x", as: "\(number).txt") }
        var names: Set<String> = []
        for try await entry in entries {
            let file = try spool.take(entry, as: intake(UInt32(names.count)))
            #expect(file != nil || names.contains(entry.description))
            names.insert(entry.description)
            if names.count == 500 { break }
        }
        #expect(try test.contents(.incoming).isEmpty)
    }

    @Test func `Losing the folder is an error`() async throws {
        var entries = Arrivals(try spool.incomingFiles())
        try FileManager.default.removeItem(atPath: incoming.string)
        await #expect(throws: SpoolError.self) { try await entries.next() }
    }

    @Test func `A dropped file comes whole under a name of its own`() async throws {
        var entries = Arrivals(try spool.incomingFiles())
        let folder = DropFolder(path: incoming)
        var names: [String] = []
        for number in 1...3 {
            names.append(try folder.drop(Array(#"{"prompt": "\#(number)"}"#.utf8), as: name("cat"), kind: .json))
        }
        #expect(names == ["cat.json", "cat~2.json", "cat~3.json"])
        var prompts: Set<String> = []
        while prompts.count < 3, let entry = try await entries.next() {
            guard let file = try spool.take(entry, as: intake(UInt32(prompts.count))) else { continue }
            prompts.formUnion(file.submission.jobs.map(\.request.prompt))
        }
        #expect(prompts == ["1", "2", "3"])
        #expect(try test.contents(.incoming).isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0)) func `A client may drop into a folder that it cannot read`() throws {
        chmod(test.folder.path, 0o755)
        chmod(test.root.string, 0o755)
        chmod(incoming.string, 0o733)
        try asNobody {
            let fileName = try DropFolder(path: incoming).drop([0x78], as: name("cat"), kind: .txt)
            #expect(fileName == "cat.txt")
        }
        #expect(try spool.take(entry("cat.txt"), as: intake(1))?.submission.jobs.count == 1)
    }
}

/// Entries may come twice, by an event and by reading the folder; this gives each name once.
private struct Arrivals {
    private var iterator: AsyncThrowingStream<SpoolEntry, any Error>.Iterator
    private var seen: Set<String> = []

    init(_ stream: AsyncThrowingStream<SpoolEntry, any Error>) { iterator = stream.makeAsyncIterator() }

    mutating func next() async throws -> SpoolEntry? { try await iterator.next() }

    mutating func nextNew() async throws -> String? {
        while let entry = try await next() {
            if seen.insert(entry.description).inserted { return entry.description }
        }
        return nil
    }
}
