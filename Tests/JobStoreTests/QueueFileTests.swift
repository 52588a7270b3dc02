import Foundation
import Glibc
import JobStore
import Jobs
import Testing

/// The queue's files are their owner's alone.
struct QueueFileTests {
    private let queue: TestQueue

    init() throws { queue = try TestQueue() }

    private func modes() throws -> [String: mode_t] {
        let names = try FileManager.default.contentsOfDirectory(atPath: queue.folder.path)
        return try Dictionary(
            uniqueKeysWithValues: names.map { name in
                var status = stat()
                try #require(lstat(queue.folder.appending(path: name).path, &status) == 0)
                return (name, status.st_mode & 0o7777)
            })
    }

    @Test func `What is made is for nobody else to read or lock`() async throws {
        let store = try queue.open()
        try await store.add("a")
        #expect(
            try modes() == ["queue.db": 0o600, "queue.db-wal": 0o600, "queue.db-shm": 0o600, "queue.db.lock": 0o600])
        _ = try await store.counts()
    }

    @Test(arguments: [0o640, 0o666, 0o4755] as [mode_t])
    func `What an earlier release left open is closed at the start`(mode: mode_t) async throws {
        let store = try queue.open()
        try await store.add("a")
        // As after a crash: the files beside the database are still there.
        let copy = try TestQueue()
        for ending in ["", "-wal", "-shm", ".lock"] {
            try FileManager.default.copyItem(atPath: queue.path + ending, toPath: copy.path + ending)
            #expect(chmod(copy.path + ending, mode) == 0)
        }
        let again = try copy.open()
        #expect(try await again.counts()[.queued] == 1)
        for ending in ["", "-wal", "-shm", ".lock"] {
            var status = stat()
            #expect(lstat(copy.path + ending, &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600, "queue.db\(ending)")
        }
        _ = try await store.counts()
    }

    @Test(
        .enabled(if: geteuid() == 0, "only root can give a file to another user"),
        arguments: ["", ".lock", "-shm"])
    func `A file of another user is refused, by name`(ending: String) throws {
        try queue.open().close()
        if !FileManager.default.fileExists(atPath: queue.path + ending) {
            #expect(FileManager.default.createFile(atPath: queue.path + ending, contents: nil))
        }
        #expect(chown(queue.path + ending, 65_534, 65_534) == 0)
        let error = #expect(throws: JobStoreError.self) { try queue.open() }
        #expect(error?.description.contains("queue.db\(ending): it belongs to user 65534") == true)
    }

    @Test(arguments: ["", ".lock", "-wal"])
    func `A link or a FIFO in a file's place is refused and not followed`(ending: String) throws {
        let target = queue.folder.appending(path: "target")
        try Data("keep".utf8).write(to: target)
        #expect(symlink(target.path, queue.path + ending) == 0)
        #expect(throws: JobStoreError.self) { try queue.open() }
        #expect(try Data(contentsOf: target) == Data("keep".utf8))
        #expect(unlink(queue.path + ending) == 0)
        #expect(mkfifo(queue.path + ending, 0o666) == 0)
        #expect(throws: JobStoreError.self) { try queue.open() }
    }
}
