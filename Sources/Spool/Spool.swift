import Glibc
import Jobs
import SystemPackage

//  a client ──► incoming/NAME.json ── take ──► work/INTAKE.NAME.json ── insert ──► queue, then discard
//                                                     │ bad
//                                                     ▼
//     failed/NAME.json (why), failed/NAME.job.json (what)        done/NAME.webp, done/NAME.json (the job is done)
//
//  a client ──► images/…/FILE, which jobs name and the daemon only reads
//
// Every arrow between folders is a rename(2), with both folders on the disk before anything follows. A crash leaves a file
// before or behind an arrow; the next start takes up what lies in work/, and each step may be done again.

/// The folders of the spool and everything that moves in them. It says which bytes exist; the queue says what they mean.
///
/// All methods block for the disk.
public struct Spool: Sendable {
    /// A folder of the spool.
    public enum Folder: String, CaseIterable, Sendable {
        /// Where clients put job files.
        case incoming
        /// What was taken and is not in the queue yet.
        case work
        /// Pictures, and what is known about each.
        case done
        /// What became no picture, and why.
        case failed
        /// Pictures that jobs begin with. The clients' own: nothing is taken out of it or put into it.
        case images
    }

    /// The folder of the folders.
    public let root: FilePath
    /// The largest job file that is read, in bytes.
    public let maximumFileSize: Int
    /// Hears of what the spool coped with; called on whichever thread did.
    let tell: @Sendable (SpoolNotice) -> Void
    /// How the folders were at the start.
    let first: FirstState

    /// The spool at `root`, whose missing folders are created.
    ///
    /// Tries whether files can be renamed all the way through, and removes half-written files that a crash left. Only the
    /// daemon may do this, and only one. Throws, with nothing removed, where others own one of the folders or may change what they must
    /// not, and where a folder below `root` is a link. `tell` hears of what the spool copes with from then on.
    public init(
        root: FilePath, maximumFileSize: Int, tell: @escaping @Sendable (SpoolNotice) -> Void = { _ in }
    ) throws(SpoolError) {
        self.root = root
        self.maximumFileSize = maximumFileSize
        self.tell = tell
        try FolderTrust.check(wayTo: root)
        try FolderTrust.make(root)
        for folder in Folder.allCases { try Self.create(folder, in: root) }
        try FolderTrust.claim(Self.staging(in: root), permissions: 0o700)
        // Only now: a folder that is made again later gets the permissions that it has here.
        first = try FirstState(of: root)
        for name in try Files.names(in: staging) { try Files.remove(staging.appending(name)) }
        try checkPassage()
    }

    /// The path of one of the folders.
    public func path(_ folder: Folder) -> FilePath { root.appending(folder.rawValue) }

    /// The bytes that an unprivileged process can still write into the spool.
    public func freeSpace() throws(SpoolError) -> Int {
        try keepFolders()
        var status = statvfs()
        guard path(.done).withPlatformString({ statvfs($0, &status) }) == 0 else {
            throw Files.failure("look at", path(.done))
        }
        let (bytes, isBeyond) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return isBeyond ? .max : Int(clamping: bytes)
    }

    /// Where files are written before they are renamed to where they are seen.
    var staging: FilePath { Self.staging(in: root) }

    static func staging(in root: FilePath) -> FilePath { root.appending(Folder.work.rawValue).appending("tmp") }

    private static func create(_ folder: Folder, in root: FilePath) throws(SpoolError) {
        let path = root.appending(folder.rawValue)
        switch folder {
        case .incoming, .images:
            // Others are to write into these; what lies there is never trusted.
            if path.withPlatformString({ mkdir($0, 0o770) }) != 0, errno != EEXIST {
                throw Files.failure("create", path)
            }
            try FolderTrust.checkOwner(of: path)
        case .work: try FolderTrust.claim(path, permissions: 0o700)
        case .done, .failed:
            let isNew = try Files.status(path) == nil
            try FolderTrust.claim(path, permissions: isNew ? 0o750 : 0o755)
        }
    }

    /// Renames a file through all of the folders that files are moved to. Comparing device numbers would not find a bind mount.
    private func checkPassage() throws(SpoolError) {
        var probe = staging.appending("probe")
        try Files.write([], to: probe, permissions: 0o640)
        for folder in Folder.allCases where folder != .images {
            let next = path(folder).appending(".latentd-probe")
            do {
                try Files.rename(probe, to: next)
            } catch .separateFilesystems {
                throw .separateFilesystems(path(.work), path(folder))
            }
            probe = next
        }
        try Files.remove(probe)
    }
}
