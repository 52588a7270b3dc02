/// What this host can do, as far as a plan or an operator cares.
public struct HostProfile: Equatable, Codable, Sendable {
    /// `AMD EPYC 9B45`
    public var cpuModel: String
    /// `x86_64`, `aarch64`
    public var architecture: String
    /// The instruction set extensions that matter here, as the kernel spells them.
    public var features: [String]
    /// The table of kernels in use: `avx512`.
    public var isa: String
    /// The core that OpenBLAS believes to run on.
    public var blasCore: String
    /// The cores that the process may run on.
    public var cores: Int
    /// The share of them that the control group grants, in cores; nil for all.
    public var cpuQuota: Double?
    /// Physical memory.
    public var memoryBytes: Int
    /// The least memory limit of the control groups above the process.
    public var cgroupMemoryBytes: Int?

    /// How many threads the settings ask for; nil leaves it to the host.
    public var pinnedThreads: Int?

    /// Names them all.
    public init(
        cpuModel: String, architecture: String, features: [String], isa: String, blasCore: String, cores: Int,
        cpuQuota: Double?, memoryBytes: Int, cgroupMemoryBytes: Int?, pinnedThreads: Int? = nil
    ) {
        self.cpuModel = cpuModel
        self.architecture = architecture
        self.features = features
        self.isa = isa
        self.blasCore = blasCore
        self.cores = cores
        self.cpuQuota = cpuQuota
        self.memoryBytes = memoryBytes
        self.cgroupMemoryBytes = cgroupMemoryBytes
        self.pinnedThreads = pinnedThreads
    }

    /// How many threads compute: as the settings say, else every core that the process may use, no more than its quota
    /// pays for.
    public var threads: Int {
        if let pinnedThreads { return max(pinnedThreads, 1) }
        guard let cpuQuota else { return cores }
        return min(cores, max(Int(cpuQuota.rounded(.up)), 1))
    }

    /// The memory that a job may take at the most: the control group's limit, else all.
    public var grantedMemoryBytes: Int { min(cgroupMemoryBytes ?? .max, memoryBytes) }

    /// The memory that a job may take when the settings say nothing: the control group's limit, else 60 % of all.
    public var defaultMemoryLimitBytes: Int {
        grantedMemoryBytes < memoryBytes ? grantedMemoryBytes : memoryBytes / 5 * 3
    }

    /// What measured times are valid for.
    public var fingerprint: String {
        "\(cpuModel)/\(isa)/\(blasCore)/\(threads)"
    }

    enum CodingKeys: String, CodingKey {
        case cpuModel = "cpu_model"
        case architecture, features, isa
        case blasCore = "blas_core"
        case cores
        case cpuQuota = "cpu_quota"
        case memoryBytes = "memory_bytes"
        case cgroupMemoryBytes = "cgroup_memory_bytes"
        case pinnedThreads = "pinned_threads"
    }
}
