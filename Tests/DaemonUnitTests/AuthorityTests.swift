import Daemon
import Foundation
import Glibc
import Jobs
import Settings
import Testing
import Varlink

@Suite("Who may do what over the control socket")
struct AuthorityTests {
    private func authority(group: String?, isPrivate: Bool = false) -> Authority {
        var settings = Settings()
        settings.adminGroup = group
        return Authority(settings: LiveSettings(settings), isPrivate: isPrivate)
    }

    private func peer(_ user: UInt32, _ groups: Set<UInt32> = []) -> PeerCredentials {
        PeerCredentials(processID: 1, userID: user, groupIDs: groups)
    }

    private func job(of owner: UInt32?) throws -> Job {
        Job(
            id: try #require(JobID(rawValue: "a")), name: ResultName(sanitizing: "a"),
            source: JobSource(intake: IntakeID(fingerprint: 1), file: "a.json", index: 0),
            request: JobRequest(prompt: "x"), seed: 1, state: .queued, attempts: 0, isCancelRequested: false,
            createdAt: Timestamp(millisecondsSinceEpoch: 0), startedAt: nil, finishedAt: nil, failure: nil,
            owner: owner)
    }

    @Test("A job is its owner's: other members may neither cancel nor retry it")
    func jobs() throws {
        let authority = authority(group: "none-such-group")
        let job = try job(of: 1001)
        for user in [1001, 0, geteuid()] as [UInt32] { try authority.require(peer(user), to: "cancel", job) }
        let error = #expect(throws: CallError.self) { try authority.require(peer(1002), to: "cancel", job) }
        #expect(error?.name == "org.latentd.NotAllowed")
        #expect(
            error?.description
                == "job a belongs to user 1001: only its owner, root, the daemon's own user and members of the group "
                + "none-such-group may cancel it")
    }

    @Test("A job that an earlier release took in is the administrators' to change")
    func oldJobs() throws {
        let authority = authority(group: nil)
        let old = try job(of: nil)
        try authority.require(peer(0), to: "retry", old)
        let error = #expect(throws: CallError.self) { try authority.require(peer(1001), to: "retry", old) }
        #expect(error?.description.contains("earlier release") == true)
    }

    @Test("The queue is paused by root, the daemon's user and the group of administrators, and by no other member")
    func queue() throws {
        // A group that every system has.
        let number = try #require(getgrnam("root")).pointee.gr_gid
        let authority = authority(group: "root")
        for user in [peer(0), peer(geteuid()), peer(1001, [5, number])] {
            try authority.requireAdministrator(user, to: "pause the queue")
        }
        let error = #expect(throws: CallError.self) {
            try authority.requireAdministrator(peer(1001, [5]), to: "pause the queue")
        }
        #expect(
            error?.description
                == "only root, the daemon's own user and members of the group root may pause the queue")
        try authority.require(peer(1002, [number]), to: "cancel", job(of: 1001))
    }

    @Test("No group administers where there is none, where it does not exist, and in a private instance")
    func noGroup() throws {
        let number = try #require(getgrnam("root")).pointee.gr_gid
        for authority in [
            authority(group: nil), authority(group: "no-such-group"), authority(group: "root", isPrivate: true),
        ] {
            #expect(throws: CallError.self) {
                try authority.requireAdministrator(peer(1001, [number, 5]), to: "calibrate")
            }
            try authority.requireAdministrator(peer(0), to: "calibrate")
        }
    }
}
