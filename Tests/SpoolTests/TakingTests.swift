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

    @Test func `What is no file is refused, moved aside and never opened`() throws {
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
        let failed = try test.contents(.failed)
        #expect(
            failed.keys.sorted() == [
                "link.job.json", "link.json", "pipe.job.json", "pipe.json",
            ])
        #expect(
            try FileManager.default.destinationOfSymbolicLink(
                atPath: test.root.appending("failed/link.job.json").string) == secret)
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
        #expect(try Set(test.contents(.failed).keys) == ["jobs.json"])
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

    @Test(.enabled(if: geteuid() == 0)) func `A file that we may not read is refused and moved aside`() throws {
        try test.drop(#"{"prompt": "x"}"#, as: "a.json")
        for folder in ["incoming", "work", "failed", "work/tmp"] { chmod(test.root.appending(folder).string, 0o777) }
        chmod(test.folder.path, 0o755)
        chmod(test.root.appending("incoming/a.json").string, 0o600)
        try asNobody {
            let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
            #expect(file.submission.rejections.map(\.failure.message) == ["a.json cannot be read: Permission denied"])
            try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        }
        #expect(try test.contents(.failed).keys.sorted() == ["a.job.json", "a.json"])
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
        ("a\nb\u{1b}[31m.json", "a_b_[31m"), ("größe 🍎.json", "größe 🍎"), ("-rf.json", "-rf"),
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

    @Test func `Bad jobs among good ones are told of one by one, with what was asked for beside`() throws {
        try test.drop(#"[{"prompt": "x"}, {"prompt": 7}, {"prompt": "y", "stesp": 1}]"#, as: "three.json")
        let file = try #require(try spool.take(entry("three.json"), as: intake(1)))
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        let failed = try test.contents(.failed)
        #expect(failed.keys.sorted() == ["three-2.job.json", "three-2.json", "three-3.job.json", "three-3.json"])
        let report = try JSONValue(parsing: try #require(failed["three-3.json"]).utf8)
        #expect(report["error"]?["field"] == .string("jobs[2].stesp"))
        #expect(report["error"]?["message"] == .string("jobs[2].stesp is no field of a job; is steps meant?"))
        #expect(report["source"]?["file"] == .string("three.json"))
        #expect(report["job"]?["prompt"] == .string("y"))
        #expect(try JSONValue(parsing: try #require(failed["three-3.job.json"]).utf8) == report["job"])
        #expect(try test.contents(.work).isEmpty)
    }
}
