import Glibc

/// Who is at the other end of the socket, as the kernel saw it at `connect` (SO_PEERCRED, SO_PEERGROUPS).
public struct PeerCredentials: Sendable, Equatable {
    /// The peer's process id.
    public let processID: Int32
    /// The peer's effective user.
    public let userID: UInt32
    /// The peer's effective group and its supplementary groups.
    public let groupIDs: Set<UInt32>

    /// Credentials with these ids.
    public init(processID: Int32, userID: UInt32, groupIDs: Set<UInt32>) {
        self.processID = processID
        self.userID = userID
        self.groupIDs = groupIDs
    }

    /// Root, the daemon's own user and members of the socket's group may change things; others may only look.
    public func mayControl(owner: UInt32, group: UInt32) -> Bool {
        userID == 0 || userID == owner || groupIDs.contains(group)
    }

    init(of descriptor: Int32) throws(VarlinkError) {
        var credentials = KernelCredentials()
        var length = socklen_t(MemoryLayout<KernelCredentials>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else {
            throw .input(code: errno)
        }
        var groups: Set<UInt32> = [credentials.groupID]
        var supplementary = [gid_t](repeating: 0, count: 1024)
        var size = socklen_t(supplementary.count * MemoryLayout<gid_t>.size)
        // A kernel without SO_PEERGROUPS (before 4.13), or a peer in more than 1024 groups, is judged by its main group.
        if getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, &supplementary, &size) == 0 {
            groups.formUnion(supplementary.prefix(Int(size) / MemoryLayout<gid_t>.size))
        }
        self.init(processID: credentials.processID, userID: credentials.userID, groupIDs: groups)
    }
}

/// The kernel's `struct ucred`, which glibc only shows to GNU sources.
private struct KernelCredentials {
    var processID: Int32 = 0
    var userID: UInt32 = UInt32.max
    var groupID: UInt32 = UInt32.max
}
