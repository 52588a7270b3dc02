import Foundation
import Glibc
import Jobs
import Testing
import Varlink

@Suite("A full disk", .timeLimit(.minutes(2)))
struct FullDiskTests {
    @Test(
        "A result that finds no room waits uncharged until there is some",
        .enabled(if: Tmpfs.isPossible, "a small file system of its own takes root"))
    func fullDisk() async throws {
        let root = try Root()
        let disk = try Tmpfs(at: root.path + "/spool", size: "2m")
        for folder in ["incoming", "done"] {
            try FileManager.default.createDirectory(
                atPath: "\(root.path)/spool/\(folder)", withIntermediateDirectories: true)
        }
        let daemon = try await DaemonProcess(root)
        let filler = root.path + "/spool/filler"
        Self.fill(filler)
        let id = try await daemon.submit(quickJob())
        #expect(await daemon.journal.line(with: "A result found no room on the disk") != nil)
        #expect(try await daemon.call(Show.self, JobReference(id: id.rawValue)).job.attempts <= 1)
        #expect(root.names("spool/done").isEmpty)
        #expect(unlink(filler) == 0)
        let job = try await daemon.watch(id)
        #expect((job.state, job.attempts) == (.succeeded, 1))
        #expect(root.names("spool/done").count == 2)
        await daemon.stop()
        disk.unmount()
    }

    /// Writes until there is no room at all.
    private static func fill(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let zeros = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, zeros, zeros.count) > 0 {}
        close(descriptor)
    }
}

/// A small file system in memory.
private final class Tmpfs {
    private let path: String

    static var isPossible: Bool {
        guard geteuid() == 0, let root = try? Root(), let disk = try? Tmpfs(at: root.path + "/spool", size: "1m") else {
            return false
        }
        disk.unmount()
        return true
    }

    init(at path: String, size: String) throws {
        self.path = path
        guard mount("latentd-test", path, "tmpfs", 0, "size=\(size)") == 0 else { throw POSIXError(.EPERM) }
    }

    func unmount() { _ = umount2(path, Int32(MNT_DETACH)) }

    deinit { unmount() }
}
