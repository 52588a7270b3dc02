import Glibc
import Jobs
import SystemPackage

/// A file that was moved out of `incoming/` into `work/` and read. It stays there until its jobs are in the queue.
public struct TakenFile: Sendable, Equatable {
    /// The mark that its jobs derive from.
    public let intake: IntakeID
    /// The name that it had, for people: bytes that are no printable text are `_`.
    public let fileName: String
    /// The jobs and rejections that it makes: the same each time. An object that is no readable file makes one rejection.
    public let submission: Submission
    /// Whether the kernel refuses to move it, or it is a folder, so that it still lies in `incoming/`.
    public let isStuck: Bool
    /// Where it lies.
    let path: FilePath
}

extension Spool {
    /// Moves an entry of `incoming/` into `work/`, marks it with `intake` and reads it.
    ///
    /// Answers nil when it is gone, or is being written again: then an entry for it follows. A crash afterwards leaves it
    /// in `work/`, where `takenFiles()` finds it; so does an error that passes, after which the same call with the same mark goes
    /// on. What the kernel does not let us move stays, as an `isStuck` file with a mark of its own that is the same each time;
    /// so does a folder, since somebody may be filling it.
    public func take(_ entry: SpoolEntry, as intake: IntakeID) throws(SpoolError) -> TakenFile? {
        try keepFolders()
        let source = path(.incoming).appending(entry.name)
        let target = path(.work).appending(Self.workName(intake, entry.name))
        if try Files.status(target) == nil {
            guard let status = try Files.status(source) else { return nil }
            if status.kind == S_IFDIR { return Self.folder(entry, at: source, status) }
            if status.kind == S_IFREG, Writing.state(of: source) == .open { return nil }
            // Taken, it could only be thrown away.
            if status.kind == S_IFREG, Self.isUnreadable(source) {
                return Self.stuck(entry, at: source, status, "cannot be read: Permission denied; let the group read it")
            }
            if let errno = try move(source, to: target) {
                let what = status.kind == S_IFREG ? "" : "is \(Self.noun(for: status.kind)), and "
                return errno == .noSuchFileOrDirectory
                    ? nil
                    : Self.stuck(
                        entry, at: source, status, what + "cannot be moved out of incoming/ (\(errno)); remove it")
            }
        }
        return try read(target, intake: intake, name: entry.name)
    }

    /// Moves a file into `work/`. Answers why not, when that is the file's own fault: nothing is there any more, or it may not be
    /// moved.
    private func move(_ source: FilePath, to target: FilePath) throws(SpoolError) -> Errno? {
        for isLast in [false, true] {
            do {
                try Files.rename(source, to: target)
                return nil
            } catch {
                guard case .system("move", _, let errno) = error, !error.isTransient else { throw error }
                if error.isDenied, path(.work).withPlatformString({ access($0, W_OK | X_OK) }) != 0 {
                    throw .system(operation: "move files into", path: path(.work), errno: errno)
                }
                guard errno == .noSuchFileOrDirectory else { return errno }
                // Either name may be what is missing.
                guard try Files.status(source) != nil else { return errno }
                if isLast { throw error }
                try keepFolders()
            }
        }
        return nil
    }

    /// The files that were taken before a crash and not discarded since, in the order in which they were taken.
    public func takenFiles() throws(SpoolError) -> [TakenFile] {
        let names = try Files.names(in: path(.work)).compactMap { name in Self.parse(workName: name).map { (name, $0) }
        }
        var files: [TakenFile] = []
        for (name, parts) in names.sorted(by: { $0.1.intake.rawValue < $1.1.intake.rawValue }) {
            files.append(try read(path(.work).appending(name), intake: parts.intake, name: parts.name))
        }
        return files
    }

    /// Removes a taken file: everything in it is in the queue or in `failed/`. That it is gone already is as good.
    public func discard(_ file: TakenFile) throws(SpoolError) {
        if !file.isStuck { try Files.remove(file.path) }
    }

    /// An error that passes says nothing about the file, and is thrown.
    private func read(
        _ path: FilePath, intake: IntakeID, name: FilePath.Component
    ) throws(SpoolError) -> TakenFile {
        let fileName = FilePath.shown(name.string)
        let submission: Submission
        do throws(SpoolError) {
            // Opening a device can do things; looking at it cannot.
            let status = try Files.status(path)
            let kind = status?.kind ?? 0
            submission =
                kind == S_IFREG
                ? Submission(
                    intake: intake, fileName: fileName, bytes: try Files.read(path, limit: maximumFileSize),
                    owner: status?.st_uid)
                : Self.unusable(intake, fileName, "is \(Self.noun(for: kind)), not a file")
        } catch {
            if error.isTransient { throw error }
            submission = Self.unusable(intake, fileName, Self.complaint(about: error))
        }
        return TakenFile(intake: intake, fileName: fileName, submission: submission, isStuck: false, path: path)
    }

    private static func stuck(_ entry: SpoolEntry, at path: FilePath, _ status: stat, _ predicate: String) -> TakenFile
    {
        staying(
            entry, at: path,
            [UInt64(status.st_dev), UInt64(status.st_ino), UInt64(bitPattern: Int64(status.st_ctim.tv_sec))], predicate)
    }

    /// A folder keeps its mark whatever is put into it, so that it is told of once.
    private static func folder(_ entry: SpoolEntry, at path: FilePath, _ status: stat) -> TakenFile {
        staying(
            entry, at: path,
            [UInt64(status.st_dev), UInt64(status.st_ino)] + entry.name.string.utf8.map { UInt64($0) },
            "is a directory, not a file; it stays in incoming/, and nothing in it is looked at")
    }

    private static func staying(
        _ entry: SpoolEntry, at path: FilePath, _ marks: [UInt64], _ predicate: String
    ) -> TakenFile {
        let fingerprint = marks.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ $1) &* 0x0100_0000_01b3 }
        let intake = IntakeID(fingerprint: fingerprint)
        return TakenFile(
            intake: intake, fileName: entry.description,
            submission: unusable(intake, entry.description, predicate), isStuck: true, path: path)
    }

    private static func isUnreadable(_ path: FilePath) -> Bool {
        let descriptor = path.withPlatformString { open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) }
        guard descriptor < 0 else {
            close(descriptor)
            return false
        }
        return errno == EACCES
    }

    private static func unusable(_ intake: IntakeID, _ fileName: String, _ predicate: String) -> Submission {
        let failure = JobFailure(
            kind: .permanent, code: JobFailure.Code.invalidFile, message: "\(fileName) \(predicate)")
        return Submission(intake: intake, fileName: fileName, failure: failure)
    }

    private static func complaint(about error: SpoolError) -> String {
        switch error {
        case .system(_, _, let errno): "cannot be read: \(errno)"
        case .tooLarge(_, let limit): "is larger than \(limit) bytes"
        case .notAFolder, .untrusted, .notAFile, .separateFilesystems, .lost: "cannot be read"
        }
    }

    private static func noun(for kind: mode_t) -> String {
        switch kind {
        case S_IFLNK: "a symbolic link"
        case S_IFDIR: "a directory"
        case S_IFIFO: "a FIFO"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "an object of unknown kind"
        }
    }
}

// The name in work/: INTAKE.NAME, byte for byte. A NAME too long for the mark in front loses its middle.
extension Spool {
    private static func workName(_ intake: IntakeID, _ name: FilePath.Component) -> FilePath.Component {
        var bytes = name.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0))) }
        if bytes.count > Int(NAME_MAX) - IntakeID.length - 1 { bytes = bytes.prefix(180) + bytes.suffix(60) }
        let platformString = intake.rawValue.utf8.map { CChar($0) } + [CChar(UInt8(ascii: "."))] + bytes + [0]
        return component(platformString)
    }

    private static func parse(workName: FilePath.Component) -> (intake: IntakeID, name: FilePath.Component)? {
        let bytes = workName.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1)) }
        let mark = bytes.prefix(IntakeID.length).map { UInt8(bitPattern: $0) }
        guard bytes.count > IntakeID.length + 2, bytes[IntakeID.length] == CChar(UInt8(ascii: ".")),
            let intake = IntakeID(rawValue: String(decoding: mark, as: UTF8.self))
        else { return nil }
        let name = Array(bytes[(IntakeID.length + 1)...])
        return FilePath.Component(platformString: name).map { (intake, $0) }
    }

    private static func component(_ platformString: [CChar]) -> FilePath.Component {
        guard let component = FilePath.Component(platformString: platformString) else {
            preconditionFailure("a mark, a dot and a name are one component of a path")
        }
        return component
    }
}
