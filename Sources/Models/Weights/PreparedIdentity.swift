import Compute
import Glibc

/// What prepared weights are made from: when any of it changes, they are stale.
struct PreparedIdentity: Sendable {
    /// Of the file of prepared weights.
    let metadata: [String: String]
    /// The file's name, without its folder.
    let fileName: String

    /// A component that several models share by a link has one identity, and is prepared once.
    ///
    /// - Parameters:
    ///   - part: of a component that is loaded in parts.
    ///   - files: the checkpoint's.
    init(
        _ folder: ModelFolder, _ component: String, part: String?, files: [String], _ precision: WeightPrecision,
        _ rules: PrecisionRules, keepsRows: Bool
    ) {
        // A model in one file has no folder for the component: its own path stands before the name then.
        let place = PreparedIdentity.absolute("\(folder.path)/\(component)")
        let model = place.split(separator: "/").dropLast().last.map(String.init) ?? folder.name
        let component = part.map { "\(component)-\($0)" } ?? component
        let source = "\(place) \(component) \(precision.rawValue)\(keepsRows ? " rows" : "")"
        metadata = [
            "format": PreparedFile.format, "version": PreparedFile.version, "source": source,
            "files": PreparedIdentity.states(files.map(PreparedIdentity.absolute)), "rules": rules.json.text,
        ]
        let text = metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
        let key = Array(text.utf8).withUnsafeBytes { SHA256.hexadecimal($0) }.prefix(16)
        fileName = "\(model).\(component).\(precision.rawValue).\(key).safetensors"
    }

    /// Whether a file with other metadata is still of use: its source files are unchanged, and this identity does not replace it.
    func isCurrent(_ other: [String: String]) -> Bool {
        guard other["format"] == PreparedFile.format, other["version"] == PreparedFile.version,
            other["source"] != metadata["source"], let files = other["files"]
        else { return false }
        let paths = files.split(separator: "\n").map { String($0.split(separator: " ", maxSplits: 3).last ?? "") }
        return PreparedIdentity.states(paths) == files
    }

    /// Size, time of modification, time of the inode's change, and path of each file: they differ after any replacement, even by a
    /// file of the same size and date.
    private static func states(_ files: [String]) -> String {
        files.map { file in
            var status = stat()
            guard stat(file, &status) == 0 else { return "0 0 0 \(file)" }
            return "\(status.st_size) \(status.st_mtim.nanoseconds) \(status.st_ctim.nanoseconds) \(file)"
        }.joined(separator: "\n")
    }

    /// The path without links, so that the same folder has one name.
    private static func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
