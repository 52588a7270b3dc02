import Glibc

/// The folder in which an import is made: hidden, locked while it is written, renamed when it is complete.
final class ImportWorkspace {
    private let output: String, name: String
    private let root: String
    private let lock: Int32
    private var isPublished = false

    private static let unfinished = ".importing", aside = ".replaced"

    /// Makes an empty folder; what dead imports left in `output`, of whatever name, is removed.
    init(output: String, name: String) throws(ModelError) {
        self.output = output
        self.name = name
        root = "\(output)/.\(name)\(ImportWorkspace.unfinished)"
        // Held until the new folder is locked: until then another import would take it for one that a dead import left.
        let gate = open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if gate >= 0 { close(gate) } }
        if gate >= 0, flock(gate, LOCK_EX) == 0 { ImportWorkspace.clear(output) }
        guard mkdir(root, 0o755) == 0 || errno == EEXIST else { throw .unwritable(file: root, code: errno) }
        lock = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
        guard lock >= 0 else { throw .unwritable(file: root, code: errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw .inUse(file: root) }
        try ImportWorkspace.empty(root)
    }

    deinit {
        if !isPublished { try? ImportWorkspace.remove(root) }
        close(lock)
    }

    /// Where a file of the model is while it is made.
    func path(_ file: String) -> String { "\(root)/\(file)" }

    func makeFolder(_ name: String) throws(ModelError) {
        guard mkdir(path(name), 0o755) == 0 || errno == EEXIST else { throw .unwritable(file: path(name), code: errno) }
    }

    func write(_ text: String, to file: String) throws(ModelError) {
        try Array(text.utf8).withUnsafeBytes { bytes in
            Result { () throws(ModelError) in try write(bytes, to: file) }
        }.get()
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws(ModelError) {
        let descriptor = open(path(file), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard descriptor >= 0 else { throw .unwritable(file: path(file), code: errno) }
        defer { close(descriptor) }
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .unwritable(file: path(file), code: count < 0 ? errno : ENOSPC) }
            done += count
        }
        guard fsync(descriptor) == 0 else { throw .unwritable(file: path(file), code: errno) }
    }

    /// Copies all that is not weights: configurations, the tokenizer, licences.
    func copyTexts(of source: ModelFolder) throws(ModelError) {
        for (name, text) in try source.texts() {
            if let slash = name.firstIndex(of: "/") { try makeFolder(String(name[..<slash])) }
            switch text {
            case .made(let json): try write(json.indentedText + "\n", to: name)
            case .file(let path):
                try MappedFile(path).withBytes { bytes throws(ModelError) in try write(bytes, to: name) }
            }
        }
    }

    /// Gives the finished folder its name in one step, and then removes an older one of that name, and what a dead import put aside.
    func publish(replacing: Bool) throws(ModelError) {
        let target = "\(output)/\(name)"
        // A folder that has files cannot be renamed over: it goes aside first. Dying between the two renames leaves both complete.
        let replaced = "\(output)/.\(name)\(ImportWorkspace.aside)"
        if replacing, MappedFile.exists(target) {
            if MappedFile.exists(replaced) { try ImportWorkspace.remove(replaced) }
            guard rename(target, replaced) == 0 else { throw .unwritable(file: target, code: errno) }
        }
        guard rename(root, target) == 0 else {
            throw errno == EEXIST || errno == ENOTEMPTY ? .exists(file: target) : .unwritable(file: target, code: errno)
        }
        isPublished = true
        if MappedFile.exists(replaced) { try ImportWorkspace.remove(replaced) }
        let folder = open(output, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if folder >= 0 { close(folder) } }
        guard folder >= 0, fsync(folder) == 0 else { throw .unwritable(file: output, code: errno) }
    }

    /// Removes what the running import of that name has written so far, from another thread. The import fails at its next write.
    static func discard(output: String, name: String) {
        // Renamed first, so that the import cannot fill the folder while it is emptied.
        let root = "\(output)/.\(name)\(unfinished)", condemned = "\(output)/.\(name).\(getpid())\(unfinished)"
        if rename(root, condemned) == 0 { try? remove(condemned) }
    }

    /// Removes what dead imports left in `output`. A folder that one of them put aside gets its name back where there is no newer one.
    /// What cannot be removed stays, and does no harm.
    private static func clear(_ output: String) {
        guard let names = try? names(in: output) else { return }
        var alive: Set<String> = []
        for name in names where name.hasPrefix(".") && name.hasSuffix(unfinished) {
            let path = "\(output)/\(name)"
            let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { continue }
            defer { close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                try? remove(path)
            } else {
                alive.insert(String(name.dropLast(unfinished.count)))
            }
        }
        for name in names where name.hasPrefix(".") && name.hasSuffix(aside) {
            let hidden = String(name.dropLast(aside.count)), target = "\(output)/\(hidden.dropFirst())"
            if alive.contains(hidden) { continue }
            if MappedFile.exists(target) {
                try? remove("\(output)/\(name)")
            } else {
                rename("\(output)/\(name)", target)
            }
        }
    }

    /// Removes a folder and everything in it. It is no error if something is gone already.
    private static func remove(_ path: String) throws(ModelError) {
        try empty(path)
        guard rmdir(path) == 0 || errno == ENOENT else { throw .unwritable(file: path, code: errno) }
    }

    /// Removes everything in a folder.
    private static func empty(_ path: String) throws(ModelError) {
        for name in try names(in: path) {
            let child = "\(path)/\(name)"
            var status = stat()
            if lstat(child, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                try remove(child)
            } else {
                guard unlink(child) == 0 || errno == ENOENT else { throw .unwritable(file: child, code: errno) }
            }
        }
    }

    private static func names(in path: String) throws(ModelError) -> [String] {
        guard let names = MappedFile.names(in: path) else { throw .unwritable(file: path, code: errno) }
        return names
    }
}
