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
    /// The file appears whole, readable for the folder's group, and is on the disk when this returns (its name may be not, in
    /// a folder that we may not read). A crash on the way leaves nothing that a daemon looks at. Blocks for the disk.
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

    /// A second name is made without a write, and a daemon that is another user cannot ask the kernel whether the file is
    /// whole. Closing a descriptor that could have written tells it. That the daemon has the file already is as good.
    private func announce(_ path: FilePath) {
        let descriptor = path.withPlatformString { open($0, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        if descriptor >= 0 { close(descriptor) }
    }
}
