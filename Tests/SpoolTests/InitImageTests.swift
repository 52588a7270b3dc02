import Foundation
import Glibc
import Jobs
import Spool
import SystemPackage
import Testing

struct InitImageTests {
    private let test: TestSpool
    private let spool: Spool

    init() throws {
        test = try TestSpool()
        spool = try test.open()
        try FileManager.default.createDirectory(atPath: path("images/sub"), withIntermediateDirectories: false)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path("images/sub/cat.png")))
        try Data([9]).write(to: URL(fileURLWithPath: path("secret")))
    }

    private func path(_ relative: String) -> String { test.root.appending(relative).string }

    private func refusal(_ relative: String) -> SpoolError? {
        #expect(throws: SpoolError.self) { try spool.readInitImage(relative) }
    }

    @Test func `A file below images and one below done are read`() throws {
        #expect(try spool.readInitImage("images/sub/cat.png") == [1, 2, 3])
        try spool.writeDone(try name("fox"), picture: [4, 5], record: Array("{}".utf8))
        #expect(try spool.readInitImage("done/fox.webp") == [4, 5])
    }

    @Test func `No link is followed, at the end of a path or on the way`() throws {
        #expect(symlink(path("secret"), path("images/link.png")) == 0)
        #expect(symlink(path("images/sub"), path("images/way")) == 0)
        #expect(symlink("sub/cat.png", path("images/inside.png")) == 0)
        for relative in ["images/link.png", "images/way/cat.png", "images/inside.png"] {
            guard case .notAFile? = refusal(relative) else {
                Issue.record("\(relative) was not refused for what it is")
                continue
            }
        }
    }

    @Test func `Nothing but a regular file is read, and nothing is waited for`() throws {
        #expect(mkfifo(path("images/pipe"), 0o600) == 0)
        #expect(refusal("images/pipe") == .notAFile(test.root.appending("images/pipe")))
        #expect(refusal("images/sub") == .notAFile(test.root.appending("images/sub")))
        #expect(refusal("images/sub/cat.png/x") == .notAFile(test.root.appending("images/sub/cat.png")))
        #expect(refusal("images/none.png")?.isTransient == false)
    }

    @Test func `A file above the limit is refused by its size`() throws {
        let file = open(path("images/vast.png"), O_CREAT | O_WRONLY, 0o600)
        #expect(ftruncate(file, Spool.maximumImageFileSize + 1) == 0)
        close(file)
        let limit = Spool.maximumImageFileSize
        #expect(refusal("images/vast.png") == .tooLarge(test.root.appending("images/vast.png"), limit: limit))
    }

    @Test func `What clients put into images stays when a spool is opened`() throws {
        _ = try test.open()
        #expect(try spool.readInitImage("images/sub/cat.png") == [1, 2, 3])
    }
}
