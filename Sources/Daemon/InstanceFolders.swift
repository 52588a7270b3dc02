import Glibc
import Settings
import Spool
import SystemPackage

/// The folders of an instance, made and closed to others before anything in them is believed.
///
/// What an earlier release left open is closed: `state` and `cache` are for the daemon's user alone, since whoever can open the files in
/// them can lock them. Below the root of a private instance nothing is a link, and its socket is for its user alone too.
struct InstanceFolders {
    let layout: Layout

    /// Throws when others own one of the folders, or may change what is in it.
    func claim() throws(SpoolError) {
        let closed = [layout.state, layout.cache]
        if let root = layout.root {
            try FolderTrust.check(wayTo: root)
            try FolderTrust.make(root)
            try FolderTrust.claim(layout.spool, permissions: 0o755, isShared: true)
            for folder in closed + [layout.runtime] { try FolderTrust.claim(folder, permissions: 0o700) }
        } else {
            for folder in closed + [layout.spool, layout.runtime] {
                try FolderTrust.check(wayTo: folder)
                try FolderTrust.make(folder)
            }
            // The operator may have put a link there; it was checked.
            for folder in closed { try FolderTrust.claim(resolved(folder), permissions: 0o700) }
        }
    }

    private func resolved(_ folder: FilePath) -> FilePath {
        guard let text = realpath(folder.string, nil) else { return folder }
        defer { free(text) }
        return FilePath(platformString: text)
    }
}
