import Glibc
import Jobs
import SystemPackage

/// A client's side of the spool: puts job files into `incoming/`, whether a daemon watches or not.
public struct DropFolder: Sendable {
    /// The path of `incoming/`.
    public let path: FilePath

    /// The folder at `path`.
    public init(path: FilePath) { self.path = path }

    /// Puts `bytes` into the folder as `NAME.KIND`, or `NAME~2.KIND` ... when that is there; answers under which name.
    ///
    /// The file appears whole, readable for the folder's group. Its bytes are on the disk when this returns, and so is its name, unless
    /// we may not read the folder. A crash on the way leaves nothing that a daemon looks at. Blocks for the disk.
    public func drop(_ bytes: [UInt8], as name: ResultName, kind: JobFile) throws(SpoolError) -> String {
        let draft = path.appending(".\(name).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).tmp")
        do {
            // The daemon is of the folder's group; the umask may have other plans.
            try Files.write(bytes, to: draft, permissions: 0o640, isExact: true)
            let fileName = try publish(draft, as: name, kind: kind)
            try Files.remove(draft)
            try synchronize()
            return fileName
        } catch {
            try? Files.remove(draft)
            throw error
        }
    }

    private func publish(_ draft: FilePath, as name: ResultName, kind: JobFile) throws(SpoolError) -> String {
        var number = 1
        while true {
            let fileName = number == 1 ? "\(name).\(kind)" : "\(name)~\(number).\(kind)"
            let target = path.appending(fileName)
            if try Files.link(draft, to: target) {
                announce(target)
                return fileName
            }
            number += 1
        }
    }

    private func synchronize() throws(SpoolError) {
        do {
            try Files.synchronize(path)
        } catch .system(_, _, .permissionDenied) {
            return
        }
    }

    /// Tells the daemon that the file is whole. A link makes a name without any write, and a daemon of another user cannot ask the kernel
    /// who writes; but it hears when a descriptor is closed that could have written. If it has the file already, there is nothing to do.
    private func announce(_ path: FilePath) {
        let descriptor = path.withPlatformString { open($0, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        if descriptor >= 0 { close(descriptor) }
    }
}
