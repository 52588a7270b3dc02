import Glibc
public import SystemPackage

/// Whether a folder is ours alone to change, and so is the way to it. A path through a folder that others may change leads wherever they
/// want, between any look at it and its use; where nobody else may change anything, paths are as good as descriptors.
///
///     /  ─►  tmp (sticky: names in it belong to their owners)  ─►  ROOT (ours)  ─►  spool, state ... (ours, no links)
///
/// Trusted are root and our own user. Nothing is changed here but the permissions of our own folders.
public enum FolderTrust {
    private static let writable: mode_t = 0o022
    private static let sticky: mode_t = 0o1000

    /// Throws `untrusted` unless every folder on the way to `path`, and `path` itself where it exists, belongs to us or root and may not
    /// be changed by others. Links on the way are followed when we or root made them.
    public static func check(wayTo path: FilePath) throws(SpoolError) {
        var reached = FilePath("/"), links = 0
        var rest = Array(try absolute(path).components.reversed())
        try check(reached, Files.status(reached))
        while let name = rest.popLast() {
            if name.kind == .parentDirectory { reached.removeLastComponent() }
            guard name.kind == .regular else { continue }
            let next = reached.appending(name)
            guard let status = try Files.status(next) else { return }
            guard status.kind == S_IFLNK else {
                try check(next, status)
                reached = next
                continue
            }
            links += 1
            guard isTrusted(status.st_uid), links <= 40 else {
                throw untrusted(next, "is a link of user \(status.st_uid)")
            }
            let target = try destination(of: next)
            if target.isAbsolute { reached = "/" }
            rest += target.components.reversed()
        }
    }

    /// Makes the folder `path` and those above it where they are missing. What is on the way may be links: check it before.
    public static func make(_ path: FilePath) throws(SpoolError) {
        if path.withPlatformString({ mkdir($0, 0o755) }) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, path.removingLastComponent() != path else { throw Files.failure("create", path) }
        try make(path.removingLastComponent())
        if path.withPlatformString({ mkdir($0, 0o755) }) != 0, errno != EEXIST { throw Files.failure("create", path) }
    }

    /// Makes the folder `path`, in a trusted one, where it is missing. Throws when it is a link, or another's. Takes away from the
    /// permissions of our own folder what is beyond `permissions`, except from a folder that is shared (`isShared`): that one must be
    /// safe as it is.
    public static func claim(
        _ path: FilePath, permissions: mode_t, isShared: Bool = false
    ) throws(SpoolError) {
        if path.withPlatformString({ mkdir($0, permissions) }) != 0, errno != EEXIST {
            throw Files.failure("create", path)
        }
        guard let status = try Files.status(path), status.kind == S_IFDIR else { throw .notAFolder(path) }
        if isShared || status.st_uid != geteuid() { return try check(path, status) }
        let excess = status.st_mode & 0o777 & ~permissions
        guard excess != 0 else { return }
        guard path.withPlatformString({ chmod($0, status.st_mode & 0o7777 & ~excess) }) == 0 else {
            throw Files.failure("close to others", path)
        }
    }

    /// Throws unless the folder at `path`, which is looked at and no link, belongs to us or root. Who may write into it is not asked.
    static func checkOwner(of path: FilePath) throws(SpoolError) {
        guard let status = try Files.status(path), status.kind == S_IFDIR else { throw .notAFolder(path) }
        guard isTrusted(status.st_uid) else { throw untrusted(path, "belongs to user \(status.st_uid)") }
    }

    private static func check(_ path: FilePath, _ status: stat?) throws(SpoolError) {
        guard let status, status.kind == S_IFDIR else { throw .notAFolder(path) }
        guard isTrusted(status.st_uid) else { throw untrusted(path, "belongs to user \(status.st_uid)") }
        guard status.st_mode & writable != 0, status.st_mode & sticky == 0 else { return }
        if status.st_mode & writable == 0o020, isOwnGroup(status) { return }
        throw untrusted(path, "may be changed by others; take that away with 'chmod go-w'")
    }

    private static func isTrusted(_ user: uid_t) -> Bool { user == 0 || user == geteuid() }

    private static func untrusted(_ path: FilePath, _ reason: String) -> SpoolError {
        .untrusted(path, reason: reason)
    }

    /// Whether the folder's group is its owner's own, of the same name and with nobody else in it, as many systems give to each user.
    private static func isOwnGroup(_ status: stat) -> Bool {
        var (user, foundUser) = (passwd(), UnsafeMutablePointer<passwd>?.none)
        var (entry, foundGroup) = (group(), UnsafeMutablePointer<group>?.none)
        var texts = [CChar](repeating: 0, count: 1 << 15), others = [CChar](repeating: 0, count: 1 << 15)
        guard getpwuid_r(status.st_uid, &user, &texts, texts.count, &foundUser) == 0, foundUser != nil,
            getgrgid_r(status.st_gid, &entry, &others, others.count, &foundGroup) == 0, foundGroup != nil,
            user.pw_gid == entry.gr_gid, strcmp(user.pw_name, entry.gr_name) == 0
        else { return false }
        var member = entry.gr_mem
        while let name = member?.pointee {
            if strcmp(name, user.pw_name) != 0 { return false }
            member = member?.successor()
        }
        return true
    }

    private static func absolute(_ path: FilePath) throws(SpoolError) -> FilePath {
        if path.isAbsolute { return path }
        guard let text = getcwd(nil, 0) else { throw Files.failure("find", path) }
        defer { free(text) }
        return FilePath(platformString: text).pushing(path)
    }

    private static func destination(of link: FilePath) throws(SpoolError) -> FilePath {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = link.withPlatformString { readlink($0, &text, text.count - 1) }
        guard count >= 0 else { throw Files.failure("follow", link) }
        return FilePath(platformString: text)
    }
}
