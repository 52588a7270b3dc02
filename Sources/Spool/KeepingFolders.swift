import Glibc
import SystemPackage

// A folder may vanish under a running daemon: somebody cleans up, moves the spool, or unmounts its disk.
//
//     gone: work, its tmp, done, failed, images      ──► made again as it was at the start, and told of
//     gone or another one: the root, incoming        ──► lost: clients write to a folder that nobody watches
//     a link, a file, another file system in place   ──► an error with its name

extension Spool {
    /// Makes the folders again that are gone. What others put in their place, and a spool that is not where it was, are errors
    /// (`isLossOfSpool`): nothing is written through a link, or below a mount point whose disk is gone.
    public func keepFolders() throws(SpoolError) {
        guard try FirstState.identity(ofRoot: root) == first.root else { throw .lost(root) }
        for folder in Folder.allCases {
            guard let place = first.folders[folder] else { continue }
            try keep(path(folder), place, as: folder)
        }
        try keep(staging, first.staging, as: .work)
    }

    /// Runs `body` with the folders in place, and once more when one of them vanishes meanwhile.
    func withFolders<Value>(_ body: () throws(SpoolError) -> Value) throws(SpoolError) -> Value {
        try keepFolders()
        do {
            return try body()
        } catch .system(_, _, .noSuchFileOrDirectory) {
            try keepFolders()
            return try body()
        }
    }

    private func keep(_ path: FilePath, _ place: FirstState.Place, as folder: Folder) throws(SpoolError) {
        guard let status = try Files.status(path) else {
            if folder == .incoming { throw .lost(path) }
            return try remake(path, place)
        }
        guard status.kind == S_IFDIR else { throw .notAFolder(path) }
        let identity = FirstState.Identity(status)
        switch folder {
        case .incoming: if identity != place.identity { throw .lost(path) }
        // Nothing is renamed into images/, so that it may be on any disk.
        case .images: break
        case .work, .done, .failed:
            if identity.device != place.identity.device { throw .separateFilesystems(root, path) }
        }
    }

    private func remake(_ path: FilePath, _ place: FirstState.Place) throws(SpoolError) {
        guard path.withPlatformString({ mkdir($0, 0o700) }) == 0 else {
            // Another thread was first.
            if errno == EEXIST { return }
            throw Files.failure("create", path)
        }
        // Refused to whoever is no member of the group, or by the unit (RestrictSUIDSGID); the folder is of use without.
        _ = path.withPlatformString { chown($0, uid_t.max, place.group) }
        let isExact = path.withPlatformString { chmod($0, place.permissions) } == 0
        if !isExact { _ = path.withPlatformString { chmod($0, place.permissions & 0o1777) } }
        try Files.synchronize(path.removingLastComponent())
        tell(.remade(path))
    }
}

/// Something that the spool coped with by itself, for the operator to know.
public enum SpoolNotice: Sendable, Equatable {
    /// A folder was gone and was made again, as it had been at the start. What had been in it is lost.
    case remade(FilePath)
    /// `incoming/` cannot be watched for now; the spool tries again.
    case watchWaits(SpoolError)
}
