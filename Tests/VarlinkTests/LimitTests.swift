import Foundation
import Glibc
import JSONText
import Jobs
import Testing
import Varlink

@Suite("No caller can keep others out, or the server busy", .timeLimit(.minutes(1)))
struct LimitTests {
    /// A server whose list is one job of a megabyte.
    private func withServer(
        maximumConnections: Int = 32, mode: UInt32 = 0o660, patience: Duration = .seconds(60),
        _ body: (String) throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "varlink-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var router = Router(identity: ServiceIdentity(vendor: "us", product: "test", version: "1", url: "none"))
        router.offer(interface: LatentdInterface.name, description: LatentdInterface.description)
        router.on(List.self) { _, caller throws(CallError) in
            let text = String(repeating: "x", count: 1 << 20)
            return List.Reply(jobs: [Self.job(text, owner: caller.peer.userID)])
        }
        router.on(Cancel.self) { _ throws(CallError) in throw .notAllowed("only root may") }
        let server = try Server(
            path: folder + "/control.sock", router: router, maximumConnections: maximumConnections, mode: mode,
            patience: patience)
        server.start()
        let result = Result { try body(server.path) }
        await server.stop()
        try result.get()
    }

    private static func job(_ text: String, owner: UInt32) -> JobInfo {
        JobInfo(
            id: sampleID, name: ResultName(sanitizing: "a"), state: .running, priority: 0, attempts: 0, seed: 1,
            createdAt: epoch, startedAt: nil, finishedAt: nil, failure: nil,
            request: .object([.init("prompt", .string(text))]), picture: nil, record: nil, owner: owner)
    }

    private static let call = Array(#"{"method":"org.latentd.List"}"#.utf8) + [0]

    @Test("A user's connections are bounded, and neither root nor the daemon's user is kept out by others")
    func places() {
        func hasPlace(_ user: UInt32, _ users: [UInt32]) -> Bool {
            Server.hasPlace(for: user, among: users, own: 990, maximum: 4)
        }
        let one = Array(repeating: UInt32(1001), count: 4)
        #expect(!hasPlace(1001, one))
        for other in [0, 990, 1002] as [UInt32] { #expect(hasPlace(other, one)) }
        let many = one + Array(repeating: 1002, count: 4) + Array(repeating: 1003, count: 4)
        #expect(!hasPlace(1004, many))
        for trusted in [0, 990] as [UInt32] {
            #expect(hasPlace(trusted, many))
            #expect(!hasPlace(trusted, many + Array(repeating: trusted, count: 4)))
        }
        #expect(hasPlace(1004, Array(many.dropLast()) + [0, 990]))
    }

    @Test("A handler is told who calls")
    func caller() async throws {
        try await withServer { path in
            let reply = try Connection(path: path).call(List.self, List.Parameters())
            #expect(reply.jobs.map(\.owner) == [geteuid()])
        }
    }

    @Test("A message that comes byte by byte has as long as any other, and so has silence")
    func halfMessages() async throws {
        try await withServer(patience: .milliseconds(500)) { path in
            let silent = RawClient(path: path)
            let slow = RawClient(path: path)
            let written = slow.drip(Array(repeating: 0x20, count: 100), every: .milliseconds(50))
            #expect(written < 50)
            #expect(silent.hearAll().isEmpty)
            _ = try Connection(path: path).call(GetInfo.self, Nothing())
        }
    }

    @Test("A caller who does not read is hung up on, and others are served meanwhile")
    func unread() async throws {
        try await withServer(patience: .milliseconds(500)) { path in
            let client = RawClient(path: path)
            for _ in 0..<8 { client.say(Self.call) }
            let reply = try Connection(path: path).call(List.self, List.Parameters())
            #expect(reply.jobs.count == 1)
            // What is in the socket's buffer when the server has given up is less than one reply.
            client.waitForHangUp()
            #expect(client.hearAll().utf8.count < 1 << 20)
        }
    }

    @Test("Halves of long messages are kept up to a bound, and short calls are answered beside them")
    func manyHalves() async throws {
        try await withServer { path in
            let half = [UInt8](repeating: 0x20, count: Server.messageLimit - 100)
            var clients: [RawClient] = []
            for _ in 0..<24 {
                let client = RawClient(path: path)
                client.say(half)
                clients.append(client)
            }
            _ = try Connection(path: path).call(GetInfo.self, Nothing())
            let refused = clients.filter { client in
                _ = client.drip([0x20], every: .milliseconds(100))
                return client.isAnswered
            }
            #expect(!refused.isEmpty)
            #expect(refused.allSatisfy { $0.hearAll().contains("org.latentd.Busy") })
            #expect(refused.count < clients.count)
        }
    }

    @Test("The socket has the mode that it was given", arguments: [0o600, 0o660] as [UInt32])
    func mode(mode: UInt32) async throws {
        try await withServer(mode: mode) { path in
            var status = stat()
            #expect(lstat(path, &status) == 0)
            #expect(status.st_mode & 0o7777 == mode)
        }
    }

    @Test("A client says nothing to a server of a user whom it does not expect")
    func foreignServer() async throws {
        try await withServer { path in
            let own = geteuid()
            #expect(throws: VarlinkError.foreignServer(path: path, user: own)) {
                try Connection(path: path, servers: [own + 1])
            }
            _ = try Connection(path: path, servers: [own]).call(GetInfo.self, Nothing())
        }
    }

    @Test("A refusal says who may, in a sentence of the daemon's")
    func notAllowed() async throws {
        try await withServer { path in
            let error = #expect(throws: VarlinkError.self) {
                try Connection(path: path).call(Cancel.self, JobReference(id: "a"))
            }
            #expect(error?.description == "only root may")
        }
    }
}
