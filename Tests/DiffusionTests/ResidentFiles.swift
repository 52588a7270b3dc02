import Foundation
import Testing

/// A folder that is gone with the test, and what of its files is in this process's memory.
struct ScratchFolder: ~Copyable {
    let path = NSTemporaryDirectory() + "latentd-\(UUID().uuidString)"

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Bytes of its files that are mapped and resident, as the kernel counts them.
    var residentBytes: Int { residentFileBytes(below: path) }
}

/// Bytes of files below a folder that are mapped and resident in this process.
func residentFileBytes(below folder: String) -> Int {
    let name = folder.split(separator: "/").last ?? ""
    let smaps = (try? FileHandle(forReadingAtPath: "/proc/self/smaps")?.readToEnd()) ?? Data()
    var bytes = 0, isBelow = false
    for line in String(decoding: smaps, as: UTF8.self).split(separator: "\n") {
        // A mapping begins with its addresses, and all that follows with a name.
        if line.first?.isUppercase == false { isBelow = line.contains(name) }
        guard isBelow, line.hasPrefix("Rss:") else { continue }
        bytes += 1024 * (line.split(separator: " ").compactMap { Int($0) }.first ?? 0)
    }
    return bytes
}
