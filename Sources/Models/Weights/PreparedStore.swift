import Compute
import Glibc
import Synchronization

/// The folder of prepared weights, `<cache>/prepared`. All of it may be deleted at any time. Where it cannot be written, loading takes
/// private memory and more time, and the pictures are the same.
public final class PreparedStore: Sendable {
    /// The folder.
    public let directory: String
    private let report: @Sendable (String) -> Void
    private let hasComplained = Mutex(false)

    /// How long to wait for another process that prepares the same weights: half of what the unit's watchdog allows.
    private static let patienceSeconds = 60

    /// - Parameters:
    ///   - directory: made where it does not exist.
    ///   - report: receives a sentence for the log about a damaged file, and, once, about a folder that cannot be written.
    public init(directory: String, report: @escaping @Sendable (String) -> Void = { _ in }) {
        self.directory = directory
        self.report = report
    }

    /// Where a component's weights come from.
    enum Source {
        /// From a file that holds all of them prepared.
        case file(PreparedFile)
        /// They have to be prepared, and are written to a file on the way.
        case builder(PreparedBuilder)
        /// They have to be prepared, and cannot be written to a file.
        case none
    }

    /// The prepared weights of `identity`, or else the right to make them. Waits while another process makes them.
    ///
    /// - Throws: `stopped`, and nothing else.
    func source(
        _ identity: PreparedIdentity, headerBytes: Int, size: Int, _ pool: ThreadPool?, _ stop: StopFlag?
    ) throws(ModelError) -> Source {
        let path = "\(directory)/\(identity.fileName)", temporary = "\(directory)/\(identity.fileName).tmp"
        for _ in 0..<PreparedStore.patienceSeconds * 20 {
            if let file = try open(path, identity, pool, stop) { return .file(file) }
            makeDirectory()
            let descriptor = Glibc.open(temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard descriptor >= 0 else { return unwritable(.unwritable(file: temporary, code: errno)) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isStill(descriptor, temporary) {
                // Another process may have finished between the look and the lock.
                if let file = try? PreparedFile(path, identity: identity.metadata, pool: pool, stop: stop) {
                    unlink(temporary)
                    close(descriptor)
                    return .file(file)
                }
                guard ftruncate(descriptor, 0) == 0 else {
                    let code = errno
                    close(descriptor)
                    return unwritable(.unwritable(file: temporary, code: code))
                }
                do throws(ModelError) {
                    return .builder(
                        try PreparedBuilder(
                            descriptor, temporary: temporary, path: path, metadata: identity.metadata,
                            headerBytes: headerBytes, size: size))
                } catch {
                    return unwritable(error)
                }
            }
            close(descriptor)
            try stop?.passed()
            usleep(50_000)
        }
        report("\(temporary) is held by another process: the weights are prepared again, in private memory.")
        return .none
    }

    /// Publishes what was built and removes what it replaces; where it cannot be published, reports why.
    func finish(_ builder: PreparedBuilder, _ identity: PreparedIdentity) {
        do throws(ModelError) {
            try builder.publish()
            removeStale(but: identity)
        } catch {
            builder.discard()
            _ = unwritable(error)
        }
    }

    /// Removes a file that lacks a weight which was asked for.
    func remove(_ identity: PreparedIdentity) {
        report("\(directory)/\(identity.fileName) lacks weights: it is made anew the next time.")
        remove("\(directory)/\(identity.fileName)")
    }

    private func remove(_ path: String) {
        unlink(path)
        CheckMark.remove(of: path)
    }

    private func open(
        _ path: String, _ identity: PreparedIdentity, _ pool: ThreadPool?, _ stop: StopFlag?
    ) throws(ModelError) -> PreparedFile? {
        do throws(ModelError) {
            return try PreparedFile(path, identity: identity.metadata, pool: pool, stop: stop)
        } catch .stopped {
            throw .stopped
        } catch .missing {
            return nil
        } catch .unreadable {
            return nil  // Then it cannot be written either, and that is reported.
        } catch {
            report("\(error) It is prepared anew.")
            return nil
        }
    }

    /// Whether the locked file is the one that has the name: not one that was renamed meanwhile.
    private func isStill(_ descriptor: Int32, _ path: String) -> Bool {
        var mine = stat(), named = stat()
        return fstat(descriptor, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino
            && mine.st_dev == named.st_dev
    }

    private func unwritable(_ error: ModelError) -> Source {
        let isFirst = hasComplained.withLock { complained in
            defer { complained = true }
            return !complained
        }
        if isFirst { report("\(error) Prepared weights are kept in private memory.") }
        return .none
    }

    /// Makes the folder and the one above it. A failure shows when a file is opened in it.
    private func makeDirectory() {
        if let slash = directory.lastIndex(of: "/"), slash != directory.startIndex {
            mkdir(String(directory[..<slash]), 0o700)
        }
        mkdir(directory, 0o700)
    }

    /// Removes files of models that changed or are gone, of other versions, and what dead processes left.
    private func removeStale(but identity: PreparedIdentity) {
        guard let folder = opendir(directory) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            let path = "\(directory)/\(name)"
            if name.hasSuffix(".safetensors.tmp") {
                let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
                if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
                if descriptor >= 0 { close(descriptor) }
            } else if name.hasSuffix(".safetensors"), name != identity.fileName {
                let metadata = (try? Safetensors(file: path))?.metadata
                if !(metadata.map { identity.isCurrent($0) } ?? false) { remove(path) }
            }
        }
    }
}
