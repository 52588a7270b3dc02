import Foundation
import Glibc
import JSONText
import JobStore
import Jobs
import Testing
import Varlink

@Suite("The daemon's end", .timeLimit(.minutes(2)))
struct EndTests {
    /// What it promises.
    private let limit = Duration.seconds(10)
    /// A job that takes long enough to be interrupted.
    private let longJob =
        #"{"prompt":"a","model":"sd1","width":64,"height":64,"steps":900,"id":"long","output":{"name":"long"}}"#

    private func isDenoising(_ update: JobProgress) -> Bool { (update.progress?.step ?? 0) > 0 }

    /// Asks for a method's reply and does not wait for it; answers what hangs up.
    private func ask(_ root: Root, _ method: String, _ parameters: String = "{}") async -> Int32 {
        let path = root.layout.controlSocket.string
        return await onThread {
            let descriptor = connected(to: path)
            let message = Array(#"{"method":"org.latentd.\#(method)","parameters":\#(parameters)}"#.utf8) + [0]
            _ = send(descriptor, message, message.count, Int32(MSG_NOSIGNAL))
            return descriptor
        }
    }

    private func expectEnd(_ daemon: DaemonProcess, code: Int32 = 0) async {
        let start = ContinuousClock.now
        #expect(await daemon.stop() == code, "\(daemon.journal.text)")
        #expect(ContinuousClock.now - start < limit)
    }

    @Test("A service that fails ends the daemon like a SIGTERM: once, in time, the job given back, and with its reason")
    func failedService() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try await daemon.watch(daemon.submit(longJob), until: isDenoising)
        let start = ContinuousClock.now
        #expect(rename(root.path + "/spool/incoming", root.path + "/spool/elsewhere") == 0)
        #expect(await daemon.end() == 73, "\(daemon.journal.text)")
        #expect(ContinuousClock.now - start < limit)
        #expect(await daemon.journal.line(with: "A service failed; the daemon stops", "intake", "incoming") != nil)
        #expect(daemon.journal.lines(with: "Gave a job back").count == 1)
        #expect(
            daemon.journal.lines(with: "latentd: \(root.path)/spool/incoming is not the folder any more").count == 1)
        #expect(!FileManager.default.fileExists(atPath: root.layout.controlSocket.string))
        let store = try JobStore.open(path: root.layout.queueDatabase.string)
        let id = try #require(JobID(rawValue: "long"))
        let job = try #require(try await store.job(id))
        #expect((job.state, job.attempts) == (.queued, 0))
        try store.close()
    }

    @Test("An idle daemon whose folder is taken away ends as well, and the next one makes it again")
    func failedIdleService() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        #expect(rename(root.path + "/spool/incoming", root.path + "/spool/elsewhere") == 0)
        #expect(await daemon.end() == 73, "\(daemon.journal.text)")
        let next = try await DaemonProcess(root)
        #expect(try await next.watch(next.submit(quickJob())).state == .succeeded)
        await expectEnd(next)
    }

    @Test("SIGTERM is not kept waiting by a calibration, whatever that waits for")
    func stopsCalibration() async throws {
        let root = try Root()
        let weights = try await HeldWeights(in: root)
        let daemon = try await DaemonProcess(root)
        let caller = await ask(root, "Calibrate", #"{"model":"sd1"}"#)
        defer { close(caller) }
        await weights.waitForSomebody()
        await expectEnd(daemon)
    }

    @Test("SIGTERM is not kept waiting by a job whose weights another process prepares")
    func stopsLoading() async throws {
        let root = try Root()
        let weights = try await HeldWeights(in: root)
        let daemon = try await DaemonProcess(root)
        let id = try await daemon.submit(longJob)
        await weights.waitForSomebody()
        await expectEnd(daemon)
        #expect(daemon.journal.lines(with: "Gave a job back").count == 1)
        weights.release()
        let next = try await DaemonProcess(root)
        try await next.watch(id, until: isDenoising)
        #expect(try await next.call(Show.self, JobReference(id: "long")).job.attempts == 1)
        await expectEnd(next)
    }

    @Test("SIGTERM is not kept waiting by settings that are to be put in force after a long step")
    func stopsReload() async throws {
        let root = try Root()
        let weights = try await HeldWeights(in: root)
        let daemon = try await DaemonProcess(root)
        _ = try await daemon.submit(longJob)
        await weights.waitForSomebody()
        daemon.signal(SIGHUP)
        #expect(await daemon.journal.line(with: "Reloaded the settings") != nil)
        await expectEnd(daemon)
    }

    @Test("A measurement ends when its caller hangs up", arguments: ["Calibrate", "Plan"])
    func hangUp(method: String) async throws {
        let root = try Root()
        let weights = try await HeldWeights(in: root)
        let daemon = try await DaemonProcess(root)
        let job = quickJob("a", #","latency_budget":"1h""#)
        let parameters = method == "Plan" ? #"{"job":\#(job)}"# : #"{"model":"sd1"}"#
        let caller = await ask(root, method, parameters)
        await weights.waitForSomebody()
        close(caller)
        weights.release()
        // In line behind it: what comes back when this does is over. A job without a budget measures nothing.
        _ = try await daemon.call(PlanJob.self, PlanJob.Parameters(job: JSONValue(parsing: quickJob().utf8)))
        let models = try await daemon.call(Models.self, Nothing()).models
        #expect(models.first { $0.name == "sd1" }?.calibrated == false)
        await expectEnd(daemon)
    }

    @Test("A job runs from its claim on, and nothing is measured beside it")
    func runsFromItsClaim() async throws {
        let root = try Root()
        let weights = try await HeldWeights(in: root)
        let daemon = try await DaemonProcess(root)
        // Before the first progress of its picture the job measures the model.
        let id = try await daemon.submit(quickJob("a", #","latency_budget":"1h","id":"measuring""#))
        await weights.waitForSomebody()
        #expect(try await daemon.call(Status.self, Nothing()).running?.id == id)
        let refusal = await #expect(throws: VarlinkError.self) {
            try await daemon.call(Calibrate.self, Calibrate.Parameters(model: "sd2"))
        }
        guard case .refused(let error)? = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(error.description.contains("a picture is being made"))
        weights.release()
        #expect(try await daemon.watch(id).state == .succeeded)
        await expectEnd(daemon)
    }

    /// ## Easy to get wrong
    /// Once a second libdispatch looks at its threads where work waits for them, and ends the process with signal 4 when it cannot open
    /// what it reads. That moment is not ours: a daemon that met it is another try.
    @Test("Descriptors that lack for a while delay the drop folder, and end nothing")
    func passingLackOfDescriptors() async throws {
        for _ in 0..<20 {
            let root = try Root()
            let daemon = try await DaemonProcess(root)
            // What a process opens once it has opened.
            try root.drop("first.json", quickJob("a", #","id":"first""#))
            #expect(await daemon.journal.line(with: "Finished a job", "job.id=first") != nil)
            // More events than the kernel keeps while the daemon stands still: it has to read the folder again.
            daemon.signal(SIGSTOP)
            let (one, other) = (root.path + "/spool/incoming/.one", root.path + "/spool/incoming/.other")
            #expect(FileManager.default.createFile(atPath: one, contents: nil))
            for _ in 0..<8500 {
                rename(one, other)
                rename(other, one)
            }
            try root.drop("apple.json", quickJob("a", #","id":"apple""#))
            let descriptors = try daemon.limitDescriptors(to: 3)
            daemon.signal(SIGCONT)
            guard await daemon.journal.line(with: "The watch of incoming/ waits") != nil, daemon.isRunning else {
                #expect(await daemon.end() == -SIGILL, "\(daemon.journal.text)")
                continue
            }
            try daemon.limitDescriptors(to: descriptors)
            #expect(await daemon.journal.line(with: "Finished a job", "job.id=apple") != nil)
            return await expectEnd(daemon)
        }
        Issue.record("no daemon came to wait")
    }

    @Test("SIGTERM is heard by a daemon that has no descriptor left, with callers at the door")
    func stopsWithoutDescriptors() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try daemon.limitDescriptors(to: 3)
        let callers = await onThread { (0..<3).map { _ in connected(to: root.layout.controlSocket.string) } }
        defer { for caller in callers { close(caller) } }
        await expectEnd(daemon)
    }
}

extension DaemonProcess {
    /// Lets the running daemon open no descriptor with a number of `count` and more; answers what it was allowed before.
    @discardableResult
    func limitDescriptors(to count: UInt) throws -> UInt {
        // Glibc's module leaves prlimit(2) out, and the name of what is limited.
        typealias Limit = @convention(c) (Int32, Int32, UnsafePointer<rlimit>?, UnsafeMutablePointer<rlimit>?) -> Int32
        guard let symbol = dlsym(nil, "prlimit") else { throw POSIXError(.ENOSYS) }
        let limit = unsafeBitCast(symbol, to: Limit.self), descriptors: Int32 = 7
        var old = rlimit()
        guard limit(processID, descriptors, nil, &old) == 0 else { throw POSIXError(.EPERM) }
        var new = rlimit(rlim_cur: rlim_t(count), rlim_max: old.rlim_max)
        guard limit(processID, descriptors, &new, nil) == 0 else { throw POSIXError(.EPERM) }
        return UInt(old.rlim_cur)
    }
}

/// A connection to a daemon's control socket, for callers without manners.
private func connected(to path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    _ = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    return descriptor
}
