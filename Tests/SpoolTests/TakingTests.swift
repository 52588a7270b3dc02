import Foundation
import Glibc
import JSONText
import Jobs
import Spool
import SystemPackage
import Testing

struct TakingTests {
    private let test: TestSpool
    private let spool: Spool

    init() throws {
        test = try TestSpool()
        spool = try test.open()
    }

    @Test func `A file is moved, read, and gone when it is discarded`() throws {
        try test.drop(#"{"prompt": "x"}"#, as: "a.json")
        let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
        #expect(try test.contents(.incoming).isEmpty)
        #expect(try test.contents(.work).keys.sorted() == ["\(intake(1)).a.json"])
        #expect(file.submission.jobs.map(\.wishedName) == [try name("a")])
        #expect(try spool.take(entry("a.json"), as: intake(2)) == nil)
        try spool.discard(file)
        try spool.discard(file)
        #expect(try test.contents(.work).isEmpty)
    }

    @Test func `What a crash left in work is found again, the same`() throws {
        try test.drop(#"{"prompt": "b"}"#, as: "b.json")
        try test.drop(#"{"prompt": "a"}"#, as: "a.json")
        let files = [try spool.take(entry("b.json"), as: intake(1)), try spool.take(entry("a.json"), as: intake(2))]
        #expect(try test.open().takenFiles() == files.compactMap { $0 })
    }

    @Test func `What is no file is refused, removed and never opened`() throws {
        let incoming = test.root.appending("incoming")
        let secret = test.folder.appending(path: "secret.json").path
        try Data(#"{"prompt": "secret"}"#.utf8).write(to: URL(filePath: secret))
        try #require(symlink(secret, incoming.appending("link.json").string) == 0)
        try #require(mkfifo(incoming.appending("pipe.json").string, 0o600) == 0)
        let words = ["link.json": "is a symbolic link", "pipe.json": "is a FIFO"]
        for (number, (object, words)) in words.enumerated() {
            let file = try #require(try spool.take(entry(object), as: intake(UInt32(number))))
            let failure = try #require(file.submission.rejections.first?.failure)
            #expect(failure.code == "invalid_file")
            #expect(failure.message == "\(object) \(words), not a file")
            try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
            try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        }
        #expect(try test.contents(.incoming).isEmpty)
        #expect(try test.contents(.work).isEmpty)
        // Neither can be copied, so that neither is kept.
        #expect(try test.contents(.failed).keys.sorted() == ["link.json", "pipe.json"])
        let report = try JSONValue(parsing: try #require(test.contents(.failed)["link.json"]).utf8)
        #expect(report["original"] == .null)
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == #"{"prompt": "secret"}"#)
    }

    @Test(.enabled(if: geteuid() == 0)) func `A device is refused`() throws {
        let path = test.root.appending("incoming/null.json").string
        try #require(mknod(path, S_IFCHR | 0o666, 0x0103) == 0)
        let file = try #require(try spool.take(entry("null.json"), as: intake(1)))
        #expect(file.submission.rejections.map(\.failure.message) == ["null.json is a device, not a file"])
    }

    @Test func `A folder stays where it is, with a mark of its own that what is put into it does not change`() throws {
        let folder = test.root.appending("incoming/jobs.json")
        try #require(mkdir(folder.string, 0o700) == 0)
        let file = try #require(try spool.take(entry("jobs.json"), as: intake(1)))
        #expect(file.isStuck)
        #expect(
            file.submission.rejections.map(\.failure.message) == [
                "jobs.json is a directory, not a file; it stays in incoming/, and nothing in it is looked at"
            ])
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        let path = folder.appending("a.json")
        close(Glibc.open(path.string, O_CREAT | O_WRONLY, 0o600))
        #expect(try spool.take(entry("jobs.json"), as: intake(2)) == file)
        #expect(try test.contents(.incoming).keys.sorted() == ["jobs.json"])
        #expect(try test.contents(.failed).keys.sorted() == ["jobs.json"])
        #expect(access(path.string, F_OK) == 0)
    }

    @Test func `Taking again under the same mark goes on with what was moved, and touches no later file of the name`()
        throws
    {
        try test.drop(#"{"prompt": "one"}"#, as: "a.json")
        let first = try #require(try spool.take(entry("a.json"), as: intake(1)))
        try test.drop(#"{"prompt": "two"}"#, as: "a.json")
        #expect(try spool.take(entry("a.json"), as: intake(1)) == first)
        #expect(try spool.take(entry("a.json"), as: intake(2))?.submission.jobs.map(\.request.prompt) == ["two"])
    }

    @Test(.enabled(if: geteuid() == 0)) func `A file that we may not read is refused and stays`() throws {
        try test.drop(#"{"prompt": "x"}"#, as: "a.json")
        for folder in ["incoming", "work", "failed", "work/tmp"] { chmod(test.root.appending(folder).string, 0o777) }
        chmod(test.folder.path, 0o755)
        chmod(test.root.appending("incoming/a.json").string, 0o600)
        try asNobody {
            let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
            #expect(file.isStuck)
            #expect(
                file.submission.rejections.first?.failure.message.hasPrefix("a.json cannot be read: Permission denied")
                    == true)
            try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        }
        #expect(try test.contents(.failed).keys.sorted() == ["a.json"])
        #expect(try test.contents(.incoming).keys.sorted() == ["a.json"])
        // Once its owner lets the group read it, it is taken like any other.
        #expect(chmod(test.root.appending("incoming/a.json").string, 0o644) == 0)
        try asNobody {
            let file = try spool.take(entry("a.json"), as: intake(2))
            #expect(file?.submission.jobs.count == 1)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `What cannot be moved is refused the same way each time and left`() throws
    {
        try test.drop(#"{"prompt": "x"}"#, as: "a.json")
        chmod(test.folder.path, 0o755)
        chmod(test.root.string, 0o755)
        chmod(test.root.appending("incoming").string, 0o755)
        for folder in ["work", "work/tmp", "failed"] { chmod(test.root.appending(folder).string, 0o777) }
        try asNobody {
            let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
            #expect(file.isStuck)
            #expect(try spool.take(entry("a.json"), as: intake(2)) == file)
            #expect(
                file.submission.rejections.first?.failure.message.contains("cannot be moved out of incoming/") == true)
            for _ in 0..<2 { try spool.conclude(file, rejections: file.submission.asRejections, at: time(0)) }
        }
        #expect(try test.contents(.incoming).keys.sorted() == ["a.json"])
        #expect(try test.contents(.failed).keys.sorted() == ["a.json"])
    }

    @Test(arguments: [
        ("a\nb\u{1b}[31m.json", "a_b_[31m"), ("größe 🍎.json", "größe 🍎"), ("-rf.json", "_rf"),
        ("a\u{202E}gpj.json", "a_gpj"),
        ("a'b\"c$(d).json", "a'b\"c$(d)"),
        (String(repeating: "x", count: 250) + ".json", String(repeating: "x", count: 128)),
    ])
    func `Any name is taken, and has a safe result name`(fileName: String, expected: String) throws {
        try test.drop(#"{"prompt": "x"}"#, as: fileName)
        let file = try #require(try spool.take(entry(fileName), as: intake(1)))
        #expect(file.submission.jobs.map(\.wishedName.rawValue) == [expected])
        #expect(!file.fileName.contains("\n"))
        #expect(try spool.takenFiles().map(\.submission.jobs.first?.wishedName) == [try name(expected)])
    }

    @Test func `A name that is no UTF-8 is taken`() throws {
        let bytes: [CChar] = [0x61, -1, 0x2E, 0x74, 0x78, 0x74, 0]  // a<FF>.txt
        let component = try #require(FilePath.Component(platformString: bytes))
        let path = test.root.appending("incoming").appending(component)
        let descriptor = path.withPlatformString { Glibc.open($0, O_CREAT | O_WRONLY, 0o600) }
        try #require(write(descriptor, "x", 1) == 1)
        close(descriptor)
        let file = try #require(try spool.take(SpoolEntry(name: component), as: intake(1)))
        #expect(file.fileName == "a_.txt")
        #expect(file.submission.jobs.map(\.request.prompt) == ["x"])
        #expect(try spool.takenFiles() == [file])
    }

    @Test func `A file that is too large is refused without being kept in memory`() throws {
        try test.drop(String(repeating: "x", count: (1 << 20) + 1), as: "big.txt")
        let file = try #require(try spool.take(entry("big.txt"), as: intake(1)))
        #expect(file.submission.rejections.map(\.failure.message) == ["big.txt is larger than 1048576 bytes"])
    }

    @Test func `A file that is being written again is not taken`() throws {
        try test.drop("x", as: "a.txt")
        let descriptor = Glibc.open(test.root.appending("incoming/a.txt").string, O_WRONLY)
        #expect(try spool.take(entry("a.txt"), as: intake(1)) == nil)
        close(descriptor)
        #expect(try spool.take(entry("a.txt"), as: intake(1)) != nil)
    }

    @Test func `The bad jobs of a file are told of together, with what was asked for beside`() throws {
        try test.drop(#"[{"prompt": "x"}, {"prompt": 7}, {"prompt": "y", "stesp": 1}]"#, as: "three.json")
        let file = try #require(try spool.take(entry("three.json"), as: intake(1)))
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        let failed = try test.contents(.failed)
        #expect(failed.keys.sorted() == ["three.job.jsonl", "three.json"])
        let report = try JSONValue(parsing: try #require(failed["three.json"]).utf8)
        #expect(report["error"]?["field"] == .string("jobs[1].prompt"))
        #expect(report["source"]?["file"] == .string("three.json"))
        #expect(report["original"] == .string("three.job.jsonl"))
        #expect(report["error_count"] == .number(JSONNumber(2)))
        guard case .array(let errors)? = report["errors"] else {
            Issue.record("the report lists the bad jobs")
            return
        }
        #expect(errors.map { $0["index"] } == [.number(JSONNumber(1)), .number(JSONNumber(2))])
        #expect(errors[1]["error"]?["message"] == .string("jobs[2].stesp is no field of a job; is steps meant?"))
        let lines = try #require(failed["three.job.jsonl"]).split(separator: "\n")
        #expect(try lines.map { try JSONValue(parsing: $0.utf8)["prompt"] } == [.number(JSONNumber(7)), .string("y")])
        #expect(try test.contents(.work).isEmpty)
    }

    @Test func `Ten thousand bad lines make two files, of which the report is short`() throws {
        try test.drop(String(repeating: "{\n", count: 10_000), as: "many.jsonl")
        let file = try #require(try spool.take(entry("many.jsonl"), as: intake(1)))
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        let failed = try test.contents(.failed)
        #expect(failed.keys.sorted() == ["many.job.jsonl", "many.json"])
        #expect(failed["many.job.jsonl"]?.utf8.count == 20_000)
        let text = try #require(failed["many.json"])
        #expect(text.utf8.count < 64 << 10)
        let report = try JSONValue(parsing: text.utf8)
        #expect(report["error_count"] == .number(JSONNumber(10_000)))
        guard case .array(let errors)? = report["errors"] else {
            Issue.record("the report lists bad jobs")
            return
        }
        #expect(errors.count == 100)
    }

    @Test func `A bad file is kept as a plain copy, whatever it was`() throws {
        let outside = test.folder.appending(path: "other-name").path
        try test.drop("{", as: "bad.json")
        let path = test.root.appending("incoming/bad.json").string
        #expect(link(path, outside) == 0)
        #expect(chmod(path, 0o6777) == 0)
        if geteuid() == 0 { #expect(chown(path, 65_534, 65_534) == 0) }
        let file = try #require(try spool.take(entry("bad.json"), as: intake(1)))
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        var status = stat()
        #expect(lstat(test.root.appending("failed/bad.job.json").string, &status) == 0)
        #expect((status.st_uid, status.st_nlink, status.st_mode & 0o7777) == (geteuid(), 1, 0o640))
        #expect(try String(contentsOfFile: outside, encoding: .utf8) == "{")
        #expect(try test.contents(.work).isEmpty)
    }

    @Test func `A file of holes that is too large is removed, not kept`() throws {
        try test.drop("", as: "holes.json")
        #expect(truncate(test.root.appending("incoming/holes.json").string, 1 << 40) == 0)
        let file = try #require(try spool.take(entry("holes.json"), as: intake(1)))
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        #expect(try test.contents(.failed).keys.sorted() == ["holes.json"])
        #expect(try test.contents(.work).isEmpty)
        #expect(try test.contents(.incoming).isEmpty)
    }

    @Test func `A job belongs to the user whose file it came from`() throws {
        try test.drop(#"{"prompt": "x"}"#, as: "a.json")
        let owner: UInt32 = geteuid() == 0 ? 65_534 : geteuid()
        if geteuid() == 0 { #expect(chown(test.root.appending("incoming/a.json").string, owner, owner) == 0) }
        let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
        #expect(file.submission.owner == owner)
        #expect(try test.open().takenFiles().map(\.submission.owner) == [owner])
    }

    @Test func `Old reports can be removed, and young ones stay`() throws {
        for (number, name) in ["old.json", "older.json"].enumerated() {
            try test.drop("{", as: name)
            let file = try #require(try spool.take(entry(name), as: intake(UInt32(number))))
            try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let present = Timestamp(millisecondsSinceEpoch: Int64(now.tv_sec) * 1000)
        #expect(try spool.removeFailures(before: present + .seconds(-3600)) == 0)
        #expect(try spool.removeFailures(before: present + .seconds(3600)) == 4)
        #expect(try test.contents(.failed).isEmpty)
    }
}
