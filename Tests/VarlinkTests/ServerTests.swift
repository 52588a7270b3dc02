import Foundation
import Jobs
import Synchronization
import Testing
import Varlink

@Suite("The control server", .timeLimit(.minutes(1)))
struct ServerTests {
    /// A server with three methods on a socket of its own.
    private func withServer(
        folder: String? = nil, maximumConnections: Int = 32, _ body: (String) async throws -> Void
    ) async throws {
        let folder = folder ?? NSTemporaryDirectory() + "varlink-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var router = Router(identity: ServiceIdentity(vendor: "us", product: "test", version: "1", url: "none"))
        router.offer(interface: LatentdInterface.name, description: LatentdInterface.description)
        let paused = Mutex(0)
        router.on(Pause.self) { _ throws(CallError) in
            paused.withLock { $0 += 1 }
            return Nothing()
        }
        router.on(Cancel.self) { reference throws(CallError) in throw .jobNotFound(reference.id) }
        router.on(List.self) { _ throws(CallError) in
            List.Reply(jobs: (0..<paused.withLock { $0 }).map { Self.job(attempts: $0) })
        }
        router.stream(Watch.self) { reference, stream in
            for step in 0..<3 where stream.isOpen {
                try stream.send(JobProgress(job: Self.job(attempts: step), progress: nil))
            }
            let bell = try Wakeup()
            if reference.id == "forever" { _ = stream.wait(for: bell) }
            return JobProgress(job: Self.job(attempts: 3), progress: nil)
        }
        let server = try Server(path: folder + "/control.sock", router: router, maximumConnections: maximumConnections)
        server.start()
        do {
            try await body(server.path)
        } catch {
            await server.stop()
            throw error
        }
        await server.stop()
    }

    private static func job(attempts: Int) -> JobInfo {
        JobInfo(
            id: sampleID, name: ResultName(sanitizing: "a"), state: .running, priority: 0, attempts: attempts, seed: 1,
            createdAt: epoch, startedAt: nil, finishedAt: nil, failure: nil, request: .object([]), picture: nil,
            record: nil)
    }

    @Test("It says who it is and what it serves")
    func info() async throws {
        try await withServer { path in
            let connection = try Connection(path: path)
            let info = try connection.call(GetInfo.self, Nothing())
            #expect(info.interfaces == ["org.latentd", "org.varlink.service"])
            let text = try connection.call(GetInterfaceDescription.self, .init(interface: "org.latentd")).description
            #expect(text == LatentdInterface.description)
            #expect(throws: VarlinkError.refused(.interfaceNotFound("org.other"))) {
                try connection.call(GetInterfaceDescription.self, .init(interface: "org.other"))
            }
        }
    }

    @Test("Unknown methods, interfaces and parameters get the standard errors, and the connection goes on")
    func standardErrors() async throws {
        try await withServer { path in
            let client = RawClient(path: path)
            let calls = [
                #"{"method":"org.latentd.Dance"}"#, #"{"method":"org.other.Show"}"#,
                #"{"method":"org.latentd.Cancel","parameters":{"id":7}}"#,
                #"{"method":"org.latentd.Cancel","parameters":{"id":"x"}}"#, #"{"method":"org.latentd.Pause"}"#,
            ]
            client.say(calls.flatMap { Array($0.utf8) + [0] })
            #expect(
                client.hear(messages: 5) == [
                    #"{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"org.latentd.Dance"}}"#,
                    #"{"error":"org.varlink.service.InterfaceNotFound","parameters":{"interface":"org.other"}}"#,
                    #"{"error":"org.varlink.service.InvalidParameter","parameters":{"parameter":"id"}}"#,
                    #"{"error":"org.latentd.JobNotFound","parameters":{"id":"x"}}"#, #"{"parameters":{}}"#,
                ])
        }
    }

    @Test("A oneway call is done and not answered, not even with an error")
    func oneway() async throws {
        try await withServer { path in
            let connection = try Connection(path: path)
            try connection.callOneway(Pause.self, Nothing())
            try connection.callOneway(Cancel.self, JobReference(id: "x"))
            #expect(try connection.call(List.self, List.Parameters()).jobs.count == 1)
        }
    }

    @Test("A stream gives every reply to who asks for more, and the last one to who does not")
    func stream() async throws {
        try await withServer { path in
            let connection = try Connection(path: path)
            var attempts: [Int] = []
            try connection.stream(Watch.self, JobReference(id: "a")) {
                attempts.append($0.job.attempts)
                return true
            }
            #expect(attempts == [0, 1, 2, 3])
            #expect(try connection.call(Watch.self, JobReference(id: "a")).job.attempts == 3)
        }
    }

    @Test("A stopping server hangs up on a waiting watcher and leaves no socket behind")
    func stop() async throws {
        var connection: Connection?
        var socketPath = ""
        try await withServer { path in
            socketPath = path
            connection = try Connection(path: path)
            try connection?.stream(Watch.self, JobReference(id: "forever")) { $0.job.attempts < 2 }
        }
        #expect(throws: VarlinkError.self) { try connection?.call(GetInfo.self, Nothing()) }
        #expect(!FileManager.default.fileExists(atPath: socketPath))
    }

    @Test(
        "Garbage and endless messages are answered, end that connection and harm nobody",
        arguments: ["no JSON", "an empty message", "an endless message", "no text"])
    func garbage(kind: String) async throws {
        let bytes: [UInt8] =
            switch kind {
            case "no JSON": Array("what?\0".utf8)
            case "an empty message": [0]
            case "an endless message": Array(repeating: 0x41, count: Server.messageLimit + 2)
            default: [0xFF, 0xFE, 0, 0, 1, 0]
            }
        try await withServer { path in
            let other = try Connection(path: path)
            let client = RawClient(path: path)
            client.say(bytes)
            #expect(client.hearAll().contains("org.latentd.MalformedCall"))
            _ = try other.call(GetInfo.self, Nothing())
        }
    }

    @Test("A caller too many is told so, and served once another has gone")
    func busy() async throws {
        try await withServer(maximumConnections: 2) { path in
            var open: [Connection] = []
            for _ in 0..<2 {
                let connection = try Connection(path: path)
                _ = try connection.call(GetInfo.self, Nothing())
                open.append(connection)
            }
            #expect(throws: VarlinkError.refused(.busy)) {
                try Connection(path: path).call(GetInfo.self, Nothing())
            }
            open.removeAll()
            var isServed = false
            while !isServed { isServed = (try? Connection(path: path).call(GetInfo.self, Nothing())) != nil }
        }
    }

    @Test("A socket left by a dead daemon is replaced, anything else at its place is not")
    func stale() async throws {
        let folder = NSTemporaryDirectory() + "varlink-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let router = Router(identity: ServiceIdentity(vendor: "us", product: "test", version: "1", url: "none"))
        _ = try Server(path: folder + "/control.sock", router: router)
        try await withServer(folder: folder) { path in
            _ = try Connection(path: path).call(GetInfo.self, Nothing())
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(FileManager.default.createFile(atPath: folder + "/control.sock", contents: nil))
        #expect(throws: VarlinkError.self) { try Server(path: folder + "/control.sock", router: router) }
    }

    @Test("A path longer than an address may be works all the same")
    func longPath() async throws {
        let folder = NSTemporaryDirectory() + "varlink-" + String(repeating: "x", count: 180)
        try await withServer(folder: folder) { path in
            _ = try Connection(path: path).call(GetInfo.self, Nothing())
        }
    }

    @Test("Without a daemon the error says how to start one")
    func noDaemon() {
        let error = #expect(throws: VarlinkError.self) { try Connection(path: "/nonexistent/control.sock") }
        #expect(error?.description.contains("latentd serve") == true)
    }

    @Test(
        "A handler that takes long learns that its caller hung up, and that the server stops", arguments: [true, false])
    func longCalls(hangsUp: Bool) async throws {
        let folder = NSTemporaryDirectory() + "varlink-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var router = Router(identity: ServiceIdentity(vendor: "us", product: "test", version: "1", url: "none"))
        let (events, event) = AsyncStream.makeStream(of: String.self)
        router.on(Calibrate.self) { _, caller throws(CallError) in
            event.yield("begun")
            guard let bell = try? Wakeup(), !caller.wait(for: bell) else {
                throw .unavailable("a bell that nobody rings")
            }
            event.yield("gone")
            throw .unavailable("nobody waits")
        }
        let server = try Server(path: folder + "/control.sock", router: router)
        server.start()
        var heard = events.makeAsyncIterator()
        var client: RawClient? = RawClient(path: server.path)
        client?.say(Array(#"{"method":"org.latentd.Calibrate"}"#.utf8) + [0])
        #expect(await heard.next() == "begun")
        if hangsUp { client = nil } else { await server.stop() }
        #expect(await heard.next() == "gone")
        await server.stop()
        client = nil
    }
}
