import Glibc

/// Small files of the kernel's, which have no size before they are read.
enum TextFile {
    /// All of `path` under `root`; nil when it cannot be read.
    static func contents(_ root: String, _ path: String) -> String? {
        guard let file = fopen("\(root)/\(path)", "re") else { return nil }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16384)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
