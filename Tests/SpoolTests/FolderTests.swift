import Foundation
import Glibc
import Jobs
import Spool
import Synchronization
import SystemPackage
import Testing

/// Folders that vanish, or become something else, under a running daemon.
struct FolderTests {
    private let test: TestSpool
    private let spool: Spool
    private let notices: Notices

    init() throws {
        test = try TestSpool()
        let notices = Notices()
        self.notices = notices
        spool = try Spool(root: test.root, maximumFileSize: 1 << 20) { notices.add($0) }
    }

    private func path(_ name: String) -> FilePath { test.root.appending(name) }

    private func mode(_ path: FilePath) throws -> mode_t {
        var status = stat()
        try #require(lstat(path.string, &status) == 0)
        return status.st_mode & 0o7777
    }

    @Test(arguments: [["work"], ["done"], ["failed"], ["images"], ["work/tmp"], ["work", "done", "failed", "images"]])
    func `A folder that vanished is made again as it was, and everything goes on`(gone: [String]) throws {
        // Not what it would be made with at a first start, nor more than a start leaves.
        func expected(_ name: String) -> mode_t { name.hasPrefix("work") ? 0o2700 : 0o710 }
        for name in gone { try #require(chmod(path(name).string, expected(name)) == 0) }
        let spool = try Spool(root: test.root, maximumFileSize: 1 << 20) { notices.add($0) }
        for name in gone { try FileManager.default.removeItem(atPath: path(name).string) }
        try test.drop(#"[{"prompt": "x"}, {"prompt": 7}]"#, as: "a.json")
        let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
        for name in gone { try FileManager.default.removeItem(atPath: path(name).string) }
        try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
        #expect(try test.contents(.failed).keys.sorted() == ["a-2.job.json", "a-2.json"])
        for name in gone { try FileManager.default.removeItem(atPath: path(name).string) }
        try spool.writeDone(name("a-1"), picture: [1], record: Array(#"{"id": "me"}"#.utf8))
        #expect(spool.hasResult(try name("a-1"), for: try #require(JobID(rawValue: "me"))))
        for name in gone {
            #expect(try mode(path(name)) == expected(name))
            #expect(notices.all.filter { $0 == .remade(path(name)) }.count == 3)
        }
        #expect(try spool.freeSpace() > 0)
    }

    @Test(arguments: ["work", "done", "failed", "images", "work/tmp"])
    func `A file or a link in the place of a folder is an error with its name, and nothing is written through it`(
        name: String
    ) throws {
        let outside = test.folder.appending(path: "outside")
        try FileManager.default.createDirectory(at: outside, withIntermediateDirectories: false)
        try test.drop(#"{"prompt": 7}"#, as: "a.json")
        let file = try #require(try spool.take(entry("a.json"), as: intake(1)))
        for isLink in [true, false] {
            try FileManager.default.removeItem(atPath: path(name).string)
            if isLink {
                try #require(symlink(outside.path, path(name).string) == 0)
            } else {
                try Data().write(to: URL(filePath: path(name).string))
            }
            let expected = SpoolError.notAFolder(path(name))
            #expect(expected.isLossOfSpool && !expected.isTransient)
            #expect(throws: expected) { try spool.take(entry("b.json"), as: intake(2)) }
            #expect(throws: expected) {
                try spool.conclude(file, rejections: file.submission.asRejections, at: time(0))
            }
            #expect(throws: expected) { try spool.writeDone(Self.cat, picture: [1], record: []) }
            #expect(throws: expected) { try spool.freeSpace() }
            #expect(!spool.isOccupied(Self.cat))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path).isEmpty)
        #expect(notices.all.isEmpty)
    }

    @Test func `Another folder in the place of work, done, failed or images is as good`() throws {
        for name in ["work", "done", "failed", "images"] {
            try #require(rename(path(name).string, path(name).string + ".old") == 0)
            try FileManager.default.createDirectory(atPath: path(name).string, withIntermediateDirectories: false)
        }
        try spool.writeDone(Self.cat, picture: [1], record: [])
        #expect(try test.contents(.done).keys.sorted() == ["cat.json", "cat.webp"])
    }

    @Test(arguments: [true, false])
    func `A spool that was moved is lost, whatever lies in its place`(isReplaced: Bool) throws {
        try #require(rename(test.root.string, test.root.string + ".old") == 0)
        if isReplaced {
            for folder in ["incoming", "done"] {
                try FileManager.default.createDirectory(
                    atPath: path(folder).string, withIntermediateDirectories: true)
            }
        }
        let lost = SpoolError.lost(test.root)
        #expect(lost.isLossOfSpool)
        #expect(throws: lost) { try spool.take(entry("a.json"), as: intake(1)) }
        #expect(throws: lost) { try spool.writeDone(Self.cat, picture: [1], record: []) }
        #expect(!FileManager.default.fileExists(atPath: path("work").string))
    }

    @Test(arguments: [true, false])
    func `An incoming that is gone, or another one, is lost: clients write where nobody looks`(isReplaced: Bool)
        async throws
    {
        let entries = try spool.incomingFiles()
        try #require(rename(path("incoming").string, path("incoming").string + ".old") == 0)
        if isReplaced {
            try FileManager.default.createDirectory(atPath: path("incoming").string, withIntermediateDirectories: false)
        }
        await #expect(throws: SpoolError.lost(path("incoming"))) { for try await _ in entries {} }
        #expect(throws: SpoolError.lost(path("incoming"))) { try spool.keepFolders() }
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small file system takes root"))
    func `A file system mounted over a folder, or unmounted below the spool, is an error with a name`() throws {
        let disk = try #require(SmallDisk(size: 64 << 10))
        let spool = try Spool(root: FilePath(disk.folder.path), maximumFileSize: 1)
        let done = disk.folder.appending(path: "done")
        try #require(mount("tmpfs", done.path, "tmpfs", 0, "size=65536") == 0)
        #expect(throws: SpoolError.separateFilesystems(spool.root, FilePath(done.path))) { try spool.keepFolders() }
        try #require(umount2(done.path, CInt(MNT_DETACH)) == 0)
        try spool.keepFolders()
        try #require(umount2(disk.folder.path, CInt(MNT_DETACH)) == 0)
        #expect(throws: SpoolError.lost(spool.root)) { try spool.writeDone(Self.cat, picture: [1], record: []) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder.path).isEmpty)
    }

    @Test(.enabled(if: SmallDisk.isPossible, "mounting a small file system takes root"))
    func `A disk that is mounted read-only for a while is waited for`() throws {
        let disk = try #require(SmallDisk(size: 256 << 10))
        let spool = try Spool(root: FilePath(disk.folder.path), maximumFileSize: 1 << 10)
        try Data(#"{"prompt": "x"}"#.utf8).write(to: disk.folder.appending(path: "incoming/a.json"))
        try #require(mount("tmpfs", disk.folder.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), "") == 0)
        for attempt in [
            { _ = try spool.take(entry("a.json"), as: intake(1)) },
            { try spool.writeDone(Self.cat, picture: [1], record: []) },
        ]
            as [() throws -> Void]
        {
            let error = try #require(throws: SpoolError.self) { try attempt() }
            #expect(error.isTransient && !error.isLossOfSpool, "\(error)")
        }
        try #require(mount("tmpfs", disk.folder.path, "tmpfs", UInt(MS_REMOUNT), "") == 0)
        #expect(try spool.take(entry("a.json"), as: intake(1))?.submission.jobs.count == 1)
        try spool.writeDone(Self.cat, picture: [1], record: [])
    }

    private static let cat: ResultName = {
        guard let name = ResultName(rawValue: "cat") else { preconditionFailure("that is a name") }
        return name
    }()
}

/// What a spool told.
private final class Notices: Sendable {
    private let notices = Mutex<[SpoolNotice]>([])

    var all: [SpoolNotice] { notices.withLock { $0 } }

    func add(_ notice: SpoolNotice) { notices.withLock { $0.append(notice) } }
}
