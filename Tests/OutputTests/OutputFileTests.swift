import Foundation
import Glibc
import Output
import Testing

@Suite("Where a user wants a result")
final class OutputFileTests {
    private let folder: String

    init() throws {
        OutputFile.ignoreSignals()
        folder = NSTemporaryDirectory() + "latentd-output-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private func write(_ text: String, to name: String) throws {
        let output = OutputFile(path(name))
        try output.check()
        try output.write(Array(text.utf8))
    }

    private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    private func status(_ name: String) -> stat {
        var status = stat()
        #expect(lstat(path(name), &status) == 0, "\(name)")
        return status
    }

    private var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

    @Test("A new file obeys the umask, and leaves nothing beside it")
    func newFile() throws {
        try write("new", to: "a.webp")
        let mask = umask(0)
        umask(mask)
        #expect(status("a.webp").st_mode & 0o7777 == 0o666 & ~mask)
        #expect(try text("a.webp") == "new" && names == ["a.webp"])
    }

    @Test(
        "A file that is there keeps its mode, and is replaced whole",
        arguments: [0o600, 0o640, 0o666, 0o755] as [mode_t])
    func mode(_ mode: mode_t) throws {
        try write("a much longer text than the other", to: "a.webp")
        #expect(chmod(path("a.webp"), mode) == 0)
        let reader = open(path("a.webp"), O_RDONLY)
        defer { close(reader) }
        try write("new", to: "a.webp")
        #expect(status("a.webp").st_mode & 0o7777 == mode && names == ["a.webp"])
        #expect(try text("a.webp") == "new")
        var bytes = [UInt8](repeating: 0, count: 100)
        // Who had the old one open still reads all of it.
        #expect(read(reader, &bytes, 100) == 33)
    }

    @Test("A file of another owner stays its own", .enabled(if: geteuid() == 0))
    func owner() throws {
        try write("old", to: "a.webp")
        #expect(chown(path("a.webp"), 12_345, 23_456) == 0 && chmod(path("a.webp"), 0o604) == 0)
        try write("new", to: "a.webp")
        let status = status("a.webp")
        #expect(status.st_uid == 12_345 && status.st_gid == 23_456 && status.st_mode & 0o7777 == 0o604)
        #expect(try text("a.webp") == "new")
    }

    @Test("A link stays a link, and what it points to is written, whether it is there or not")
    func links() throws {
        try FileManager.default.createDirectory(atPath: path("real"), withIntermediateDirectories: true)
        #expect(symlink("real/picture.webp", path("one")) == 0 && symlink("one", path("two")) == 0)
        try write("first", to: "two")
        #expect(try text("real/picture.webp") == "first")
        #expect(chmod(path("real/picture.webp"), 0o600) == 0)
        try write("second", to: "two")
        #expect(try text("real/picture.webp") == "second" && status("real/picture.webp").st_mode & 0o7777 == 0o600)
        for name in ["one", "two"] { #expect(status(name).st_mode & S_IFMT == S_IFLNK) }
        #expect(symlink("round", path("round")) == 0)
        #expect(throws: OutputError(path: path("round"), code: ELOOP)) { try write("x", to: "round") }
    }

    @Test("A file of two names keeps both")
    func hardLink() throws {
        try write("a much longer text", to: "a")
        #expect(link(path("a"), path("b")) == 0)
        try write("new", to: "a")
        #expect(try text("b") == "new" && status("a").st_nlink == 2)
        try write("a much longer text again", to: "b")
        #expect(try text("a") == "a much longer text again")
    }

    @Test("A FIFO and a device are written through, and are there afterwards")
    func pipesAndDevices() async throws {
        #expect(mkfifo(path("fifo"), 0o600) == 0)
        let fifo = path("fifo")
        let reader = Task.detached { try FileHandle(forReadingAtPath: fifo)?.readToEnd() }
        let long = String(repeating: "0123456789", count: 20_000)
        try write(long, to: "fifo")
        #expect(try await reader.value == Data(long.utf8))
        #expect(status("fifo").st_mode & S_IFMT == S_IFIFO)
        try OutputFile("/dev/null").check()
        try OutputFile("/dev/null").write([1, 2, 3])
        var null = stat()
        #expect(stat("/dev/null", &null) == 0 && null.st_mode & S_IFMT == S_IFCHR)
        #expect(throws: OutputError(path: "/dev/full", code: ENOSPC)) { try OutputFile("/dev/full").write([1]) }
    }

    @Test("An open descriptor is written where it stands, by any of its names")
    func descriptors() throws {
        let file = open(path("log"), O_RDWR | O_CREAT | O_APPEND, 0o600)
        defer { close(file) }
        try OutputFile("/dev/fd/\(file)").write(Array("one ".utf8))
        try OutputFile("/proc/self/fd/\(file)").write(Array("two".utf8))
        #expect(try text("log") == "one two")
        #expect(throws: OutputError(path: "/dev/fd/999", code: EBADF)) { try OutputFile("/dev/fd/999").write([1]) }
        for name in ["-", "/dev/stdout", "/dev/fd/1"] { #expect(OutputFile(name).isStandardOutput) }
        for name in [path("log"), "/dev/stderr", "/dev/null"] { #expect(!OutputFile(name).isStandardOutput) }
    }

    @Test("A pipe that nobody reads is an error and no signal")
    func closedPipe() throws {
        OutputFile.ignoreSignals()
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let error = #expect(throws: OutputError.self) { try OutputFile("/dev/fd/\(ends[1])").write([1]) }
        #expect(error?.isClosed == true)
    }

    @Test("A folder, a file in none, and one that is no file are refused before any work, and after")
    func refusals() throws {
        try FileManager.default.createDirectory(atPath: path("folder"), withIntermediateDirectories: true)
        for (name, code) in [("folder", EISDIR), ("none/a.webp", ENOENT)] {
            let output = OutputFile(path(name))
            #expect(throws: OutputError(path: path(name), code: code)) { try output.check() }
            #expect(throws: OutputError.self) { try output.write([1]) }
        }
        #expect(names == ["folder"])
    }

    @Test(
        "A file in a folder that we may not write is written in place, and one that we may not write is left alone",
        .enabled(if: geteuid() != 0))
    func permissions() throws {
        try FileManager.default.createDirectory(atPath: path("shut"), withIntermediateDirectories: true)
        try write("a longer old text", to: "shut/a.webp")
        #expect(chmod(path("shut"), 0o555) == 0)
        defer { chmod(path("shut"), 0o755) }
        try write("new", to: "shut/a.webp")
        #expect(try text("shut/a.webp") == "new")
        #expect(throws: OutputError(path: path("shut/b.webp"), code: EACCES)) { try write("x", to: "shut/b.webp") }
        try write("kept", to: "locked.webp")
        #expect(chmod(path("locked.webp"), 0o444) == 0)
        #expect(throws: OutputError(path: path("locked.webp"), code: EACCES)) { try write("x", to: "locked.webp") }
        #expect(try text("locked.webp") == "kept")
    }
}
