/// Asks the kernel what this host is. The only part of the planner that reads anything.
public struct HostProbe: Sendable {
    private let root: String

    /// - Parameter root: Where `/proc` and `/sys` are looked for; a test lays a tree of its own.
    public init(root: String = "/") {
        self.root = root
    }

    /// What is found now. What cannot be read is left at its least: one core, no limit, an unknown CPU.
    ///
    /// - Parameters:
    ///   - isa: The table of kernels in use.
    ///   - blasCore: The core that OpenBLAS chose.
    ///   - pinnedThreads: The settings' thread count; nil or 0 leaves it to the host.
    public func profile(isa: String, blasCore: String, pinnedThreads: Int? = nil) -> HostProfile {
        let cpu = file("proc/cpuinfo")
        let groups = ControlGroups(root: root)
        return HostProfile(
            cpuModel: Self.cpuModel(cpu), architecture: Self.architecture, features: Self.features(cpu), isa: isa,
            blasCore: blasCore, cores: allowedCores(), cpuQuota: groups.cpuQuota(), memoryBytes: physicalMemory(),
            cgroupMemoryBytes: groups.memoryLimit(), pinnedThreads: pinnedThreads == 0 ? nil : pinnedThreads)
    }

    /// The same host with the limit that the control groups set now.
    public func refreshed(_ host: HostProfile) -> HostProfile {
        var host = host
        host.cgroupMemoryBytes = ControlGroups(root: root).memoryLimit()
        return host
    }

    private func file(_ path: String) -> String { TextFile.contents(root, path) ?? "" }

    private static var architecture: String {
        #if arch(x86_64)
            "x86_64"
        #elseif arch(arm64)
            "aarch64"
        #else
            "other"
        #endif
    }

    /// x86 names the model; an ARM core gives numbers.
    private static func cpuModel(_ text: String) -> String {
        if let name = value(of: "model name", in: text) { return name }
        guard let implementer = value(of: "CPU implementer", in: text), let part = value(of: "CPU part", in: text)
        else {
            return "unknown"
        }
        return "ARM implementer \(implementer) part \(part)"
    }

    private static func features(_ text: String) -> [String] {
        let flags = value(of: "flags", in: text) ?? value(of: "Features", in: text) ?? ""
        let telling = ["avx", "fma", "f16c", "amx", "asimd", "sve", "i8mm", "bf16", "fphp"]
        let names = flags.split(separator: " ").map(String.init)
        return names.filter { name in telling.contains { name.hasPrefix($0) } }
    }

    /// `name : value`, the first such line.
    private static func value(of name: String, in text: String) -> String? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1).map(trimmed)
            if parts.first == name { return parts.count == 2 ? parts[1] : "" }
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    /// The affinity mask, which a cpuset narrows too: `ffff,ffffffff`.
    private func allowedCores() -> Int {
        let mask = Self.value(of: "Cpus_allowed", in: file("proc/self/status")) ?? ""
        return max(mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }, 1)
    }

    private func physicalMemory() -> Int {
        let text = Self.value(of: "MemTotal", in: file("proc/meminfo")) ?? ""
        return (text.split(separator: " ").first.flatMap { Int($0) } ?? 0) * 1024
    }
}
