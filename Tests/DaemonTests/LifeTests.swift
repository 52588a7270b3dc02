import Foundation
import Glibc
import JSONText
import Jobs
import Testing
import Varlink

@Suite("The life of jobs and of the daemon", .timeLimit(.minutes(2)))
struct LifeTests {
    /// A job that takes long enough to be interrupted.
    private let longJob =
        #"{"prompt":"a","model":"sd1","width":64,"height":64,"steps":900,"id":"long","output":{"name":"long"}}"#

    private func isDenoising(_ update: JobProgress) -> Bool { (update.progress?.step ?? 0) > 0 }

    @Test("SIGTERM ends the step, gives the job back uncharged, and the next start finishes it")
    func terminate() async throws {
        let root = try Root()
        let first = try await DaemonProcess(root)
        let id = try await first.submit(longJob)
        try await first.watch(id, until: isDenoising)
        let start = ContinuousClock.now
        #expect(await first.stop() == 0)
        #expect(ContinuousClock.now - start < .seconds(10))
        #expect(await first.journal.line(with: "Gave a job back", "job.id=long") != nil)
        #expect(root.names("spool/done").isEmpty)

        let second = try await DaemonProcess(root)
        try await second.watch(id, until: isDenoising)
        #expect(try await second.call(Show.self, JobReference(id: "long")).job.attempts == 1)
        _ = try await second.call(Cancel.self, JobReference(id: "long"))
        #expect(try await second.watch(id).state == .cancelled)
        await second.stop()
    }

    @Test("A job under which the daemon dies too often is failed, not tried for ever")
    func crashes() async throws {
        let root = try Root()
        for attempt in 1...2 {
            let daemon = try await DaemonProcess(root, environment: ["LATENTD_MAX_CRASHES": "2"])
            let id = attempt == 1 ? try await daemon.submit(longJob) : try #require(JobID(rawValue: "long"))
            try await daemon.watch(id, until: isDenoising)
            daemon.signal(SIGKILL)
            #expect(await daemon.end() == -SIGKILL)
        }
        let last = try await DaemonProcess(root, environment: ["LATENTD_MAX_CRASHES": "2"])
        let job = try await last.call(Show.self, JobReference(id: "long")).job
        #expect((job.state, job.failure?.code) == (.failed, "crashed"))
        #expect(try root.json("spool/failed/long.json")["error"]?["code"]?.string == "crashed")
        #expect(try await last.watch(last.submit(quickJob())).state == .succeeded)
        await last.stop()
    }

    @Test("A running and a queued job can be cancelled, and tried again")
    func cancel() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let long = try await daemon.submit(longJob)
        let queued = try await daemon.submit(quickJob("a", #","id":"queued""#))
        try await daemon.watch(long, until: isDenoising)
        #expect(try await daemon.call(Cancel.self, JobReference(id: "queued")).job.state == .cancelled)
        _ = try await daemon.call(Cancel.self, JobReference(id: "long"))
        #expect(try await daemon.watch(long).state == .cancelled)
        #expect(root.names("spool/done").isEmpty)
        #expect(try await daemon.call(Retry.self, JobReference(id: "queued")).job.state == .queued)
        #expect(try await daemon.watch(queued).state == .succeeded)
        await #expect(throws: VarlinkError.self) {
            try await daemon.call(Cancel.self, JobReference(id: "queued"))
        }
        await daemon.stop()
    }

    @Test("The same id twice is one job, by file or by call")
    func duplicates() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let job = quickJob("a", #","id":"mine""#)
        let id = try await daemon.submit(job)
        try await daemon.watch(id)
        let reply = try await daemon.call(
            Submit.self, Submit.Parameters(job: JSONValue(parsing: job.utf8), name: "other"))
        #expect(reply.duplicate && reply.job.state == .succeeded)
        try root.drop("again.json", job)
        #expect(await daemon.journal.line(with: "Ignored a job whose id is known", "mine") != nil)
        #expect(try await daemon.call(List.self, List.Parameters()).jobs.count == 1)
        #expect(root.names("spool/done").count == 2)
        await daemon.stop()
    }

    @Test("A pause holds the queue, outlives the daemon and ends with resume")
    func pause() async throws {
        let root = try Root()
        let first = try await DaemonProcess(root)
        _ = try await first.call(Pause.self, Nothing())
        let id = try await first.submit(quickJob())
        #expect(try await first.call(Status.self, Nothing()).paused)
        await first.stop()
        let second = try await DaemonProcess(root)
        let status = try await second.call(Status.self, Nothing())
        #expect(status.paused && status.counts.queued == 1)
        _ = try await second.call(Resume.self, Nothing())
        #expect(try await second.watch(id).state == .succeeded)
        await second.stop()
    }

    @Test("SIGHUP puts good settings in force and keeps the old ones for bad ones")
    func reload() async throws {
        let root = try Root()
        let file = URL(fileURLWithPath: root.path + "/etc/latentd.yaml")
        let daemon = try await DaemonProcess(root)
        try Data("log_level: loud\n".utf8).write(to: file)
        daemon.signal(SIGHUP)
        #expect(await daemon.journal.line(with: "The settings were not reloaded", "log_level") != nil)
        try Data("log_level: info\n".utf8).write(to: file)
        daemon.signal(SIGHUP)
        #expect(await daemon.journal.line(with: "Reloaded the settings") != nil)
        #expect(try await daemon.watch(daemon.submit(quickJob())).state == .succeeded)
        await daemon.stop()
    }

    @Test("Without room on the disk jobs wait, are not charged, and run when there is room again")
    func reserve() async throws {
        let root = try Root()
        let file = URL(fileURLWithPath: root.path + "/etc/latentd.yaml")
        try Data("free_space_reserve: 1TiB\n".utf8).write(to: file)
        let daemon = try await DaemonProcess(root, keepsNoSpace: false)
        let id = try await daemon.submit(quickJob())
        #expect(await daemon.journal.line(with: "Jobs wait for room on the disk") != nil)
        let status = try await daemon.call(Status.self, Nothing())
        #expect(status.waitingFor?.contains("free_space_reserve") == true && status.counts.queued == 1)
        try Data("free_space_reserve: 0B\n".utf8).write(to: file)
        daemon.signal(SIGHUP)
        let job = try await daemon.watch(id)
        #expect((job.state, job.attempts) == (.succeeded, 1))
        await daemon.stop()
    }

    @Test("Garbage on the control socket is answered and harms nobody")
    func garbage() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let path = root.layout.controlSocket.string
        let replies = await onThread {
            [Array("hello\0".utf8), Array(repeating: 0x7B, count: 3 << 20)].map { say($0, to: path) }
        }
        for reply in replies { #expect(reply.contains("org.latentd.MalformedCall")) }
        #expect(try await daemon.watch(daemon.submit(quickJob())).state == .succeeded)
        await daemon.stop()
    }
}

@Suite("Who may control the daemon", .timeLimit(.minutes(2)))
struct PermissionTests {
    @Test(
        "A stranger who got hold of the socket may look and change nothing",
        .enabled(
            if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv"),
            "becoming somebody else takes root and setpriv"))
    func stranger() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let socket = root.layout.controlSocket.string
        #expect(try socketMode(socket) == 0o600)
        #expect(chmod(socket, 0o666) == 0)
        #expect(chmod(root.layout.runtime.string, 0o755) == 0)
        func asNobody(_ command: String...) async throws -> (code: Int32, output: String, errors: String) {
            let identity = ["--reuid=65534", "--regid=65534", "--clear-groups"]
            return try await Executable.run(
                "/usr/bin/setpriv", identity + [Executable.latentctl, "--socket", socket] + command)
        }
        #expect(try await asNobody("status").code == 0)
        for command in ["pause", "resume", "calibrate"] {
            let end = try await asNobody(command)
            #expect(end.code == 77 && end.errors.contains("may look"), "\(command): \(end.errors)")
        }
        #expect(try await daemon.call(Status.self, Nothing()).paused == false)
        await daemon.stop()
    }

    private func socketMode(_ path: String) throws -> UInt32 {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw POSIXError(.ENOENT) }
        return status.st_mode & 0o777
    }
}

/// Writes bytes to a socket and answers what comes back until it is closed.
private func say(_ bytes: [UInt8], to path: String) -> String {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let isConnected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
        }
    }
    guard isConnected else { return "no connection" }
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { break }
        sent += count
    }
    var heard: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { heard += buffer[..<count] }
    return String(decoding: heard, as: UTF8.self)
}
