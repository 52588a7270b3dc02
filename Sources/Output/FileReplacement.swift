import Glibc

/// A file that takes another's name when it is whole and on the disk.
///
/// ```
/// .latentd.PID.RANDOM.tmp ─► written ─► owner, mode ─► fsync ─► rename ─► fsync of the folder
/// ```
/// A crash on the way leaves the temporary file and the old one; a failure removes it.
struct FileReplacement {
    /// The name that it takes.
    let path: String
    /// The mode that it gets; what the umask leaves of 0666 without it.
    let mode: mode_t?
    /// Whom it is given to; us without it.
    let owner: (user: uid_t, group: gid_t)?

    /// Writes it; 0, or the `errno` of what failed: then nothing changed.
    func write(_ bytes: [UInt8]) -> Int32 {
        let folder = OutputFile.folder(of: path)
        let draft = "\(folder)/.latentd.\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp"
        // Nobody may read a file whose mode is not known to be the old one's.
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode == nil ? 0o666 : 0o600)
        guard descriptor >= 0 else { return errno }
        var code = Descriptor.write(bytes, to: descriptor)
        if code == 0 { code = finish(descriptor) }
        if close(descriptor) != 0, code == 0 { code = errno }
        if code == 0, rename(draft, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(draft)
            return code
        }
        synchronize(folder)
        return 0
    }

    private func finish(_ descriptor: Int32) -> Int32 {
        if let owner {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return errno }
            let isOurs = status.st_uid == owner.user && status.st_gid == owner.group
            if !isOurs, fchown(descriptor, owner.user, owner.group) != 0 { return errno }
        }
        if let mode, fchmod(descriptor, mode) != 0 { return errno }
        return fsync(descriptor) == 0 ? 0 : errno
    }

    /// The new name is on the disk sooner; a folder that we may not read keeps it nonetheless.
    private func synchronize(_ folder: String) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
