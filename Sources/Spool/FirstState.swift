import Glibc
import SystemPackage

/// How the spool's folders were when it was opened: which ones they are, and what a new one must look like.
struct FirstState: Sendable {
    /// One object of a file system for as long as it exists.
    struct Identity: Equatable, Sendable {
        let device: UInt64
        let inode: UInt64

        init(_ status: stat) { (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino)) }
    }

    /// One folder.
    struct Place: Sendable {
        let identity: Identity
        let permissions: mode_t
        let group: gid_t

        init(_ status: stat) {
            (identity, permissions, group) = (Identity(status), status.st_mode & 0o7777, status.st_gid)
        }
    }

    /// The folder of the folders; links to it and above it are followed.
    let root: Identity
    /// Those that are in it.
    let folders: [Spool.Folder: Place]
    /// Where files are written.
    let staging: Place

    /// Looks at the folders below `root`, all of which must be there.
    init(of root: FilePath) throws(SpoolError) {
        guard let identity = try Self.identity(ofRoot: root) else { throw .lost(root) }
        self.root = identity
        var folders: [Spool.Folder: Place] = [:]
        for folder in Spool.Folder.allCases { folders[folder] = try Self.place(root.appending(folder.rawValue)) }
        self.folders = folders
        staging = try Self.place(Spool.staging(in: root))
    }

    /// Which folder lies at `root` now; nil when none does.
    static func identity(ofRoot root: FilePath) throws(SpoolError) -> Identity? {
        var status = stat()
        if root.withPlatformString({ stat($0, &status) }) == 0 { return Identity(status) }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw Files.failure("look at", root)
    }

    private static func place(_ path: FilePath) throws(SpoolError) -> Place {
        guard let status = try Files.status(path) else { throw .lost(path) }
        return Place(status)
    }
}
