import Foundation
import Jobs
import Settings
import Varlink

/// Who may do what over the control socket.
///
///     look, submit            who may connect (the server sees to that)
///     cancel, retry a job     its owner, and administrators
///     pause, resume, measure  administrators: root, the daemon's own user, members of `admin_group`
///
/// A private instance has no administrators but its user and root, who alone can reach its socket.
package struct Authority: Sendable {
    private let settings: LiveSettings
    /// Whether the instance has a root of its own.
    let isPrivate: Bool

    /// Who may do what to the instance that has these settings.
    package init(settings: LiveSettings, isPrivate: Bool) {
        self.settings = settings
        self.isPrivate = isPrivate
    }

    /// Throws unless `peer` may do `what` ("pause the queue") to all that the daemon has.
    package func requireAdministrator(_ peer: PeerCredentials, to what: String) throws(CallError) {
        guard !isAdministrator(peer) else { return }
        throw .notAllowed("only \(administrators) may \(what)")
    }

    /// Throws unless `peer` may do `what` ("cancel") to this job.
    package func require(_ peer: PeerCredentials, to what: String, _ job: Job) throws(CallError) {
        guard job.owner != peer.userID, !isAdministrator(peer) else { return }
        let owner = job.owner.map { "user \($0)" } ?? "nobody, as an earlier release took it in"
        throw .notAllowed("job \(job.id) belongs to \(owner): only its owner, \(administrators) may \(what) it")
    }

    private func isAdministrator(_ peer: PeerCredentials) -> Bool {
        if peer.userID == 0 || peer.userID == geteuid() { return true }
        guard !isPrivate, let name = settings.current.adminGroup, let group = Self.number(ofGroup: name) else {
            return false
        }
        return peer.groupIDs.contains(group)
    }

    private var administrators: String {
        let group = isPrivate ? nil : settings.current.adminGroup
        return "root, the daemon's own user" + (group.map { " and members of the group \($0)" } ?? "")
    }

    /// Asked each time, since groups come and go; nil when there is none of that name.
    private static func number(ofGroup name: String) -> UInt32? {
        var (entry, found) = (group(), UnsafeMutablePointer<group>?.none)
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }
}
