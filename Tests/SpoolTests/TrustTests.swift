import Foundation
import Glibc
import Jobs
import Spool
import SystemPackage
import Testing

/// Folders that others own or may change are refused, before anything in them is touched.
struct TrustTests {
    private let test: TestSpool

    init() throws { test = try TestSpool() }

    private func path(_ name: String) -> String { test.folder.appending(path: name).path }

    /// A folder with files in it that nobody may lose.
    private func makeTarget() throws -> String {
        for folder in ["target/tmp", "target/incoming", "target/work/tmp"] {
            try FileManager.default.createDirectory(atPath: path(folder), withIntermediateDirectories: true)
        }
        for file in ["target/a", "target/tmp/b", "target/work/tmp/c"] {
            try Data("keep".utf8).write(to: URL(fileURLWithPath: path(file)))
        }
        return path("target")
    }

    private func expectTargetIsWhole() {
        for file in ["target/a", "target/tmp/b", "target/work/tmp/c"] {
            #expect(FileManager.default.fileExists(atPath: path(file)), "\(file)")
        }
    }

    private func expectRefusal(_ comment: String) {
        let error = #expect(throws: SpoolError.self, "\(comment)") { try test.open() }
        switch error {
        case .untrusted?, .notAFolder?: break
        default: Issue.record("\(comment): \(String(describing: error))")
        }
        expectTargetIsWhole()
    }

    @Test(arguments: ["incoming", "images", "work", "work/tmp", "done", "failed"])
    func `A link in a folder's place is refused, and nothing behind it is removed`(folder: String) throws {
        let target = try makeTarget()
        try FileManager.default.createDirectory(atPath: path("spool/work"), withIntermediateDirectories: true)
        try? FileManager.default.removeItem(atPath: path("spool/\(folder)"))
        #expect(symlink(target, path("spool/\(folder)")) == 0)
        expectRefusal(folder)
    }

    @Test(arguments: [0o777, 0o757, 0o773] as [mode_t])
    func `A spool that others may change is refused, with the way to mend it`(mode: mode_t) throws {
        _ = try makeTarget()
        _ = try test.open()
        #expect(chmod(test.root.string, mode) == 0)
        expectRefusal("the spool")
        let error = #expect(throws: SpoolError.self) { try test.open() }
        #expect(error?.description.contains("chmod go-w") == true)
        #expect(chmod(test.root.string, 0o755) == 0)
        #expect(chmod(test.folder.path, mode) == 0)
        expectRefusal("the folder above it")
        // As /tmp is: others may make names there, but not touch ours.
        #expect(chmod(test.folder.path, 0o1777) == 0)
        _ = try test.open()
    }

    @Test(
        .enabled(if: geteuid() == 0, "only root can give a folder to another user"),
        arguments: [
            "", "spool", "spool/incoming", "spool/images", "spool/work", "spool/work/tmp", "spool/done", "spool/failed",
        ])
    func `A folder of another user is refused`(folder: String) throws {
        _ = try makeTarget()
        _ = try test.open()
        #expect(chown(path(folder), 65_534, 65_534) == 0)
        expectRefusal(folder)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a link to another user"))
    func `A link on the way is followed when we made it, and not when another did`() throws {
        let target = try makeTarget()
        let link = path("way")
        #expect(symlink(target, link) == 0)
        let root = FilePath(link).appending("spool")
        _ = try Spool(root: root, maximumFileSize: 1 << 20)
        #expect(lchown(link, 65_534, 65_534) == 0)
        let error = #expect(throws: SpoolError.self) { try Spool(root: root, maximumFileSize: 1 << 20) }
        #expect(error?.description.contains("is a link of user 65534") == true)
        expectTargetIsWhole()
    }

    @Test func `Folders that an earlier release left open are closed`() throws {
        _ = try test.open()
        for folder in ["work", "work/tmp", "done", "failed"] {
            #expect(chmod(path("spool/\(folder)"), folder.hasPrefix("work") ? 0o755 : 0o2777) == 0)
        }
        _ = try test.open()
        func mode(_ folder: String) -> mode_t {
            var status = stat()
            return lstat(path("spool/\(folder)"), &status) == 0 ? status.st_mode & 0o7777 : 0
        }
        #expect((mode("work"), mode("work/tmp"), mode("done"), mode("failed")) == (0o700, 0o700, 0o2755, 0o2755))
    }

    @Test func `A folder is claimed for its owner alone, and a link is not`() throws {
        let folder = FilePath(path("state"))
        #expect(mkdir(folder.string, 0o777) == 0)
        #expect(chmod(folder.string, 0o775) == 0)
        try FolderTrust.claim(folder, permissions: 0o700)
        var status = stat()
        #expect(lstat(folder.string, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o700)
        #expect(symlink(folder.string, path("link")) == 0)
        #expect(throws: SpoolError.notAFolder(FilePath(path("link")))) {
            try FolderTrust.claim(FilePath(path("link")), permissions: 0o700)
        }
    }

    @Test func `A dropped job is for its folder's group to read, and nobody's to change`() throws {
        let incoming = try test.open().path(.incoming)
        let name = try DropFolder(path: incoming).drop(Array("x".utf8), as: name("a"), kind: .txt)
        var status = stat()
        #expect(lstat(incoming.appending(name).string, &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o640)
    }
}
