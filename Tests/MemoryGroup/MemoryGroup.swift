import Foundation
import Glibc

/// A control group of its own for one process: a limit on its memory, page cache counted, and no swap. For tests and benchmarks.
///
/// ```
/// version 2   memory.max              memory.swap.max                memory.peak                  memory.events
/// version 1   memory.limit_in_bytes   memory.memsw.limit_in_bytes    memory.max_usage_in_bytes    memory.oom_control
/// ```
/// It lies below the nearest group above this process in which one can be made, and is removed with the last reference; by then its
/// process must have ended.
///
/// ## Easy to get wrong
/// A page of a file is charged to the group that first read it: a process that maps what others have read pays nothing. `forget`
/// the files before it starts.
public final class MemoryGroup: Sendable {
    private let path: String
    private let isUnified: Bool

    /// Makes a group with a limit; nil where none can be made.
    public init?(limitBytes: Int) {
        let name = "latentd-\(getpid())-\(UUID().uuidString.prefix(8))"
        var made: (path: String, isUnified: Bool)?
        for place in Self.places where mkdir("\(place.path)/\(name)", 0o755) == 0 {
            made = ("\(place.path)/\(name)", place.isUnified)
            break
        }
        guard let made else { return nil }
        (path, isUnified) = made
        // Swap may not be counted here; then there is none.
        if isUnified {
            write("0", to: "memory.swap.max")
        } else {
            write("0", to: "memory.swappiness")
        }
        guard write("\(limitBytes)", to: isUnified ? "memory.max" : "memory.limit_in_bytes") else { return nil }
        if !isUnified { write("\(limitBytes)", to: "memory.memsw.limit_in_bytes") }
    }

    deinit { rmdir(path) }

    /// Whether a group can be made here.
    public static var isAvailable: Bool { MemoryGroup(limitBytes: 1 << 30) != nil }

    /// What runs a program inside: a shell that enters and becomes it.
    public func entering(_ program: String, _ arguments: [String]) -> (program: String, arguments: [String]) {
        ("/bin/sh", ["-c", #"echo $$ > "$0" && exec "$@""#, "\(path)/cgroup.procs", program] + arguments)
    }

    /// Sets another limit; false where more is in use than can be reclaimed.
    @discardableResult
    public func setLimit(bytes: Int) -> Bool {
        if isUnified { return write("\(bytes)", to: "memory.max") }
        // The limit that counts swap may never be below the other one.
        let isRaised = bytes > number("memory.limit_in_bytes") ?? 0
        let files = ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"]
        return (isRaised ? files : files.reversed()).reduce(true) { write("\(bytes)", to: $1) && $0 }
    }

    /// The most memory that was in use, reclaimable pages of files counted; nil where the kernel does not say.
    public var peakBytes: Int? { number(isUnified ? "memory.peak" : "memory.max_usage_in_bytes") }

    /// How often the kernel killed a process because of the limit.
    public var kills: Int { number(isUnified ? "memory.events" : "memory.oom_control", field: "oom_kill") ?? 0 }

    /// How often the limit was met, and something had to be reclaimed.
    public var encounters: Int {
        (isUnified ? number("memory.events", field: "max") : number("memory.failcnt")) ?? 0
    }

    /// Writes a file's pages back and drops them from the page cache, as far as nobody has them mapped.
    public static func forget(_ file: String) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        close(descriptor)
    }

    /// The same for every file below a folder.
    public static func forget(below folder: String) {
        for path in (try? FileManager.default.subpathsOfDirectory(atPath: folder)) ?? [] { forget("\(folder)/\(path)") }
    }

    /// The groups above this process in which one with a limit may be made, the nearest first.
    private static var places: [(path: String, isUnified: Bool)] {
        let mounts = (text("/proc/self/mounts") ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        let groups = (text("/proc/self/cgroup") ?? "").split(separator: "\n").map {
            $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        }
        func above(_ point: Substring, _ group: Substring) -> [String] {
            let parts = group.split(separator: "/")
            return (0...parts.count).reversed().map { "/\(parts.prefix($0).joined(separator: "/"))" }.map {
                "\(point)\($0)"
            }
        }
        var places: [(path: String, isUnified: Bool)] = []
        for mount in mounts where mount.count > 3 {
            if mount[2] == "cgroup", mount[3].split(separator: ",").contains("memory"),
                let group = groups.first(where: { $0.count == 3 && $0[1].split(separator: ",").contains("memory") })
            {
                places += above(mount[1], group[2]).map { ($0, false) }
            } else if mount[2] == "cgroup2", let group = groups.first(where: { $0.count == 3 && $0[1].isEmpty }) {
                places += above(mount[1], group[2]).filter { place in
                    (text("\(place)/cgroup.subtree_control") ?? "").split(whereSeparator: \.isWhitespace).contains(
                        "memory")
                }.map { ($0, true) }
            }
        }
        return places
    }

    @discardableResult
    private func write(_ text: String, to file: String) -> Bool {
        let descriptor = open("\(path)/\(file)", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count
    }

    /// A file's only number, or that of the line that begins with `field`.
    private func number(_ file: String, field: String? = nil) -> Int? {
        let words = (Self.text("\(path)/\(file)") ?? "").split(separator: "\n").map { $0.split(separator: " ") }
        guard let field else { return words.first?.first.flatMap { Int($0) } }
        return words.first { $0.count == 2 && $0[0] == field }.flatMap { Int($0[1]) }
    }

    private static func text(_ file: String) -> String? {
        FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) }
    }
}
