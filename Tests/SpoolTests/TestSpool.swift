import Foundation
import Glibc
import Jobs
import Spool
import SystemPackage
import Testing

/// A spool in a folder of its own, which goes with the value.
final class TestSpool: Sendable {
    let folder: URL

    /// In a folder of its own below `parent`.
    init(in parent: URL = FileManager.default.temporaryDirectory) throws {
        folder = parent.appending(path: "latentd-spool-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var root: FilePath { FilePath(folder.appending(path: "spool").path) }

    func open() throws -> Spool { try Spool(root: root, maximumFileSize: 1 << 20) }

    /// Puts `text` into `incoming/` as one careful client does.
    func drop(_ text: String, as name: String) throws {
        let incoming = folder.appending(path: "spool/incoming")
        try Data(text.utf8).write(to: incoming.appending(path: ".draft"))
        let (from, to) = (incoming.appending(path: ".draft").path, incoming.appending(path: name).path)
        try #require(rename(from, to) == 0)
    }

    /// The names in one of the folders, sorted, and what the files among them hold.
    func contents(_ folder: Spool.Folder) throws -> [String: String] {
        let path = self.folder.appending(path: "spool/\(folder)")
        let names = try FileManager.default.contentsOfDirectory(atPath: path.path).filter { $0 != "tmp" }
        return Dictionary(
            uniqueKeysWithValues: names.map { name in
                (name, (try? String(contentsOf: path.appending(path: name), encoding: .utf8)) ?? "")
            })
    }
}

func time(_ seconds: Int64) -> Timestamp { Timestamp(millisecondsSinceEpoch: 1_795_000_000_000 + seconds * 1000) }

func intake(_ number: UInt32) -> IntakeID { IntakeID(time: time(0), entropy: number) }

func name(_ text: String) throws -> ResultName { try #require(ResultName(rawValue: text)) }

func entry(_ name: String) throws -> SpoolEntry { SpoolEntry(name: try #require(FilePath.Component(name))) }

extension Submission {
    /// What the queue answers to a submission of rejections only.
    var asRejections: [Rejection] {
        rejections.map { Rejection(name: $0.wishedName, source: $0.source, failure: $0.failure, createdAt: time(0)) }
    }
}

/// Runs `body` with the file rights of nobody, on this thread only; does nothing where we are nobody special ourselves.
func asNobody(_ body: () throws -> Void) throws {
    guard geteuid() == 0 else { return }
    // setfsuid(2) and setfsgid(2) are in no module; seteuid(2) would change every thread.
    typealias Change = @convention(c) (UInt32) -> CInt
    let setUser = unsafeBitCast(try #require(dlsym(nil, "setfsuid")), to: Change.self)
    let setGroup = unsafeBitCast(try #require(dlsym(nil, "setfsgid")), to: Change.self)
    _ = (setGroup(65_534), setUser(65_534))
    defer { _ = (setUser(0), setGroup(0)) }
    try body()
}

/// A file system of `size` bytes, for as long as the value lives; nil where we may not mount.
final class SmallDisk: Sendable {
    let folder: URL

    convenience init?(size: Int) {
        self.init(
            size: size, at: FileManager.default.temporaryDirectory.appending(path: "latentd-disk-\(UUID().uuidString)"))
    }

    init?(size: Int, at folder: URL) {
        self.folder = folder
        guard (try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)) != nil,
            mount("tmpfs", folder.path, "tmpfs", 0, "size=\(size)") == 0
        else { return nil }
    }

    static let isPossible = SmallDisk(size: 4096) != nil

    /// Takes all the room that is left.
    func fill() {
        let descriptor = Glibc.open(filler, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let zeros = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, zeros, zeros.count) > 0 {}
        close(descriptor)
    }

    /// Gives it back.
    func makeRoom() { unlink(filler) }

    private var filler: String { folder.appending(path: "filler").path }

    deinit {
        umount2(folder.path, CInt(MNT_DETACH))
        rmdir(folder.path)
    }
}
