import SystemPackage

/// What can go wrong with the spool's folders and files.
public enum SpoolError: Error, Equatable, Sendable {
    /// A system call failed.
    case system(operation: String, path: FilePath, errno: Errno)
    /// Something else lies where a folder of the spool should be.
    case notAFolder(FilePath)
    /// Others own the folder, or may change what is in it.
    case untrusted(FilePath, reason: String)
    /// A link, a folder, a FIFO or the like lies where a file should be.
    case notAFile(FilePath)
    /// A file cannot be renamed from one folder of the spool into another.
    case separateFilesystems(FilePath, FilePath)
    /// The folder is not the one of the start any more: moved away, removed, replaced or unmounted.
    case lost(FilePath)
    /// The file is larger than one of its kind may be.
    case tooLarge(FilePath, limit: Int)

    /// Whether the same may succeed later, with nothing changed but what the host has to spare. Only the worker, the intake and the
    /// recovery try again.
    ///
    /// What a disk refuses to write it may take later (a network's disk, one that is mounted anew); what it refuses to read is
    /// damaged.
    public var isTransient: Bool {
        guard case .system(let operation, _, let errno) = self else { return false }
        switch errno {
        case .ioError: return !["read", "look at"].contains(operation)
        case .noSpace, .diskQuotaExceeded, .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .interrupted,
            .readOnlyFileSystem, .resourceTemporarilyUnavailable, .resourceBusy, .staleNFSFileHandle, .timedOut,
            .noBufferSpace:
            return true
        default: return false
        }
    }

    /// Whether the disk is full, or what one may write to it.
    public var isLackOfRoom: Bool {
        guard case .system(_, _, let errno) = self else { return false }
        return errno == .noSpace || errno == .diskQuotaExceeded
    }

    /// Whether we were refused the right to do it: somebody may give it back.
    public var isDenied: Bool {
        guard case .system(_, _, let errno) = self else { return false }
        return errno == .permissionDenied || errno == .notPermitted
    }

    /// Whether the spool itself is not what it was at the start. No job is at fault, and the daemon cannot go on.
    public var isLossOfSpool: Bool {
        switch self {
        case .notAFolder, .untrusted, .separateFilesystems, .lost: true
        case .system, .notAFile, .tooLarge: false
        }
    }
}

extension SpoolError: CustomStringConvertible {
    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .system(let operation, let path, let errno): "cannot \(operation) \(path.shown): \(errno)"
        case .notAFolder(let path): "\(path.shown) is not a folder"
        case .untrusted(let path, let reason):
            "\(path.shown) \(reason): the daemon would do with its files what others want"
        case .notAFile(let path): "\(path.shown) is not a file; links are not followed"
        case .separateFilesystems(let one, let other):
            "\(one.shown) and \(other.shown) must be on one file system, so that files can be renamed between them"
        case .lost(let path):
            "\(path.shown) is not the folder any more that it was at the start; it was moved, removed or unmounted"
        case .tooLarge(let path, let limit): "\(path.shown) is larger than \(limit) bytes"
        }
    }
}

extension FilePath {
    /// The path for a line of a log: whatever is no printable text becomes `_`.
    var shown: String { Self.shown(string) }

    static func shown(_ text: String) -> String {
        let scalars = text.unicodeScalars.map { scalar in
            scalar == "\u{FFFD}" || scalar.properties.generalCategory == .control
                || scalar.properties.generalCategory == .lineSeparator
                || scalar.properties.generalCategory == .paragraphSeparator ? "_" : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
