import Foundation
import Glibc
import Jobs
import Testing
import Varlink

@Suite("A full disk", .timeLimit(.minutes(4)))
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

    /// What a job comes to, and where that is told.
    struct Ending: CustomTestStringConvertible, Sendable {
        let state: JobState
        let model: String
        let line: String
        let folder: String
        let files: [String]
        var testDescription: String { state.rawValue }
    }

    private static let endings = [
        Ending(
            state: .succeeded, model: "sd1", line: "Finished a job", folder: "spool/done", files: ["json", "webp"]),
        Ending(
            state: .failed, model: "none", line: "A job failed", folder: "spool/failed",
            files: ["job.json", "json"]),
    ]

    /// From one page of room to the next, another write is the first that finds none: the file's way into the queue, the claim, the
    /// cost, the picture, its record, the report, the end.
    @Test(
        "Whichever write finds the disk full, the job comes to its end once there is room, and is drawn once",
        .enabled(if: Tmpfs.isPossible, "a small file system of its own takes root"),
        arguments: endings)
    func everyWrite(ending: Ending) async throws {
        let root = try Root()
        let disk = try Tmpfs(at: root.path, size: "32m")
        try FileManager.default.createDirectory(
            atPath: root.path + "/spool/incoming", withIntermediateDirectories: true)
        let daemon = try await DaemonProcess(root)
        // What is made only once is made before.
        try await daemon.watch(daemon.submit(quickJob()))
        var delays: Set<String> = []
        for pages in 0..<64 {
            let (id, start) = ("job-\(pages)", daemon.journal.count)
            let draft = root.path + "/draft"
            let text = """
                {"prompt": "a", "id": "\(id)", "output": {"name": "\(id)"}, "model": "\(ending.model)",
                 "width": 64, "height": 64, "steps": 2}
                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: draft))
            disk.fill(leaving: pages)
            #expect(rename(draft, "\(root.path)/spool/incoming/\(id).json") == 0)
            let isEnd: @Sendable (String) -> Bool = { $0.contains(ending.line) && $0.contains("job.id=\(id) ") }
            let first = try #require(
                await daemon.journal.line(from: start) { isEnd($0) || Self.isWaiting($0) }, "\(daemon.journal.text)")
            // It can be asked meanwhile.
            _ = try await daemon.call(Status.self, Nothing())
            disk.makeRoom()
            if Self.isWaiting(first) { delays.insert(Self.sentence(first)) }
            #expect(
                await daemon.journal.line(from: start, where: isEnd) != nil,
                "\(pages) pages, \(first): \(daemon.journal.text.suffix(3000))")
            let job = try await daemon.watch(#require(JobID(rawValue: id)))
            #expect((job.state, job.attempts) == (ending.state, 1), "\(pages) pages")
            #expect(
                root.names(ending.folder).filter { $0.hasPrefix(id + ".") } == ending.files.map { "\(id).\($0)" })
            #expect(daemon.journal.lines(with: "Started a job").count { $0.contains("job.id=\(id) ") } <= 1)
            if isEnd(first) { break }
            #expect(pages < 63, "the disk never was large enough")
        }
        #expect(delays.isSuperset(of: ["Intake waits", "The queue cannot be written; waiting"]), "\(delays)")
        #expect(delays.contains("A result found no room on the disk"), "\(delays)")
        await daemon.stop()
        disk.unmount()
    }

    @Test(
        "On a full disk a cancel and a retry work or say why not, and work when there is room",
        .enabled(if: Tmpfs.isPossible, "a small file system of its own takes root"))
    func cancelAndRetry() async throws {
        let root = try Root()
        let disk = try Tmpfs(at: root.path, size: "32m")
        let daemon = try await DaemonProcess(root)
        for pages in 0..<8 {
            let id = try await daemon.submit(Self.longJob("long-\(pages)"))
            try await daemon.watch(id) { ($0.progress?.step ?? 0) > 0 }
            disk.fill(leaving: pages)
            try await Self.untilPossible(disk) { try await daemon.call(Cancel.self, JobReference(id: id.rawValue)) }
            let start = daemon.journal.count
            _ = await daemon.journal.line(from: 0) {
                $0.contains("Cancelled a job") && $0.contains("job.id=\(id) ") || Self.isWaiting($0)
            }
            disk.makeRoom()
            #expect(try await daemon.watch(id).state == .cancelled, "\(pages) pages, \(start)")
            disk.fill(leaving: pages)
            try await Self.untilPossible(disk) { try await daemon.call(Retry.self, JobReference(id: id.rawValue)) }
            disk.makeRoom()
            try await daemon.watch(id) { ($0.progress?.step ?? 0) > 0 }
            _ = try await daemon.call(Cancel.self, JobReference(id: id.rawValue))
            #expect(try await daemon.watch(id).state == .cancelled)
        }
        await daemon.stop()
        disk.unmount()
    }

    @Test(
        "A stop on a full disk is orderly and in time, and the next start goes on with the job",
        .enabled(if: Tmpfs.isPossible, "a small file system of its own takes root"))
    func stop() async throws {
        let root = try Root()
        let disk = try Tmpfs(at: root.path, size: "32m")
        try FileManager.default.createDirectory(atPath: root.path + "/etc", withIntermediateDirectories: true)
        for pages in [0, 1] {
            let daemon = try await DaemonProcess(root)
            let id = try await daemon.submit(Self.longJob("stop-\(pages)"))
            try await daemon.watch(id) { ($0.progress?.step ?? 0) > 0 }
            disk.fill(leaving: pages)
            let start = ContinuousClock.now
            #expect(await daemon.stop() == 0, "\(daemon.journal.text)")
            #expect(ContinuousClock.now - start < .seconds(10))
            disk.makeRoom()
            let next = try await DaemonProcess(root)
            try await next.watch(id) { ($0.progress?.step ?? 0) > 0 }
            _ = try await next.call(Cancel.self, JobReference(id: id.rawValue))
            #expect(try await next.watch(id).state == .cancelled)
            await next.stop()
        }
        disk.unmount()
    }

    @Test(
        "A start on a full disk waits for room",
        .enabled(if: Tmpfs.isPossible, "a small file system of its own takes root"))
    func start() async throws {
        let root = try Root()
        let disk = try Tmpfs(at: root.path, size: "32m")
        let first = try await DaemonProcess(root)
        let id = try await first.submit(Self.longJob("orphan"))
        try await first.watch(id) { ($0.progress?.step ?? 0) > 0 }
        first.signal(SIGKILL)
        #expect(await first.end() == -SIGKILL)
        disk.fill(leaving: 16)
        // Opening the queue takes some pages, and deciding on the orphan one too many.
        async let second = DaemonProcess(root)
        let room = Task {
            try await Task.sleep(for: .seconds(2))
            disk.makeRoom()
        }
        let daemon = try await second
        try await room.value
        #expect(daemon.isRunning, "\(daemon.journal.text)")
        _ = try await daemon.call(Cancel.self, JobReference(id: id.rawValue))
        #expect(try await daemon.watch(id).state == .cancelled)
        await daemon.stop()
        disk.unmount()
    }

    @Test("Without a file descriptor to spare a finished picture waits, uncharged, and is drawn once")
    func noDescriptors() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try await daemon.watch(daemon.submit(quickJob()))
        let id = try await daemon.submit(Self.longJob("held", steps: 150))
        try await daemon.watch(id) { ($0.progress?.step ?? 0) > 0 }
        let before = try daemon.setDescriptorLimit(0)
        #expect(
            await daemon.journal.line(with: "The spool cannot be used; waiting", "job.id=held", "Too many open files")
                != nil)
        _ = try daemon.setDescriptorLimit(before)
        let job = try await daemon.watch(id)
        #expect((job.state, job.attempts) == (.succeeded, 1))
        #expect(daemon.journal.lines(with: "Started a job").count == 2)
        await daemon.stop()
    }

    private static func longJob(_ id: String, steps: Int = 900) -> String {
        #"{"prompt":"a","model":"sd1","width":64,"height":64,"steps":\#(steps),"id":"\#(id)"}"#
    }

    private static let waits = [
        "Intake waits", "The queue cannot be written; waiting", "The spool cannot be used; waiting",
        "A result found no room on the disk",
    ]

    private static func isWaiting(_ line: String) -> Bool { waits.contains(where: line.contains) }

    private static func sentence(_ line: String) -> String { waits.first(where: line.contains) ?? line }

    /// Calls, and again with room where the daemon says that it cannot now.
    private static func untilPossible(_ disk: Tmpfs, _ call: () async throws -> some Sendable) async throws {
        do {
            _ = try await call()
        } catch VarlinkError.refused(let error) where error.name == "org.latentd.Unavailable" {
            #expect(error.description.contains("may be tried again"), "\(error)")
            disk.makeRoom()
            _ = try await call()
        }
    }

    /// Writes until there is no room at all.
    private static func fill(_ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let zeros = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, zeros, zeros.count) > 0 {}
        close(descriptor)
    }
}

extension DaemonProcess {
    /// Lets the daemon open files only up to this number; answers the limit that was in force.
    fileprivate func setDescriptorLimit(_ limit: rlim_t) throws -> rlim_t {
        // prlimit(2) is in no module.
        typealias Call = @convention(c) (pid_t, CInt, UnsafePointer<rlimit>?, UnsafeMutablePointer<rlimit>?) -> CInt
        let prlimit = unsafeBitCast(try #require(dlsym(nil, "prlimit")), to: Call.self)
        let descriptors: CInt = 7
        var old = rlimit()
        let isKnown = prlimit(processID, descriptors, nil, &old) == 0
        var new = rlimit(rlim_cur: limit, rlim_max: old.rlim_max)
        let isSet = prlimit(processID, descriptors, &new, nil) == 0
        try #require(isKnown && isSet)
        return old.rlim_cur
    }
}

/// A small file system in memory.
private final class Tmpfs: Sendable {
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

    /// Takes all the room but so many pages of 4 KiB.
    func fill(leaving pages: Int) {
        let descriptor = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        let zeros = [UInt8](repeating: 0, count: 4096)
        var size = 0
        while write(descriptor, zeros, zeros.count) > 0 { size += zeros.count }
        _ = ftruncate(descriptor, max(0, size - pages * zeros.count))
        close(descriptor)
    }

    /// Gives it back.
    func makeRoom() { unlink(filler) }

    private var filler: String { path + "/filler" }

    func unmount() { _ = umount2(path, Int32(MNT_DETACH)) }

    deinit { unmount() }
}
