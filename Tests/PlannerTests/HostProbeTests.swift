import Foundation
import Planner
import Testing

/// A folder with files of the kernel's, as a host or a container shows them.
private struct Tree: ~Copyable {
    let path = NSTemporaryDirectory() + "latentd-host-\(UUID().uuidString)"

    init(_ files: [String: String]) throws {
        for (name, text) in files {
            let file = URL(fileURLWithPath: "\(path)/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: false, encoding: .utf8)
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var profile: HostProfile { HostProbe(root: path).profile(isa: "avx2", blasCore: "Haswell") }
}

private let unified = "30 1 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

@Suite("Host probe")
struct HostProbeTests {
    @Test("An x86 host says its model, its extensions, its cores and its memory")
    func x86() throws {
        let tree = try Tree([
            "proc/cpuinfo":
                "processor\t: 0\nmodel name\t: AMD EPYC 9B45\nflags\t\t: fpu sse2 fma f16c avx2 avx512_vnni\n\n",
            "proc/self/status": "Name:\ttest\nCpus_allowed:\tff,0000000f\nCpus_allowed_list:\t0-3,32-39\n",
            "proc/meminfo": "MemTotal:       16384000 kB\nMemFree:        1 kB\n",
        ])
        let profile = tree.profile
        #expect(profile.cpuModel == "AMD EPYC 9B45")
        #expect(profile.features == ["fma", "f16c", "avx2", "avx512_vnni"])
        #expect(profile.cores == 12)
        #expect(profile.threads == 12)
        #expect(profile.memoryBytes == 16_384_000 * 1024)
        #expect(profile.cgroupMemoryBytes == nil)
        #expect(profile.isa == "avx2" && profile.blasCore == "Haswell")
    }

    @Test("An ARM host is known by its part number")
    func arm() throws {
        let tree = try Tree([
            "proc/cpuinfo":
                "processor\t: 0\nFeatures\t: fp asimd asimddp i8mm bf16\nCPU implementer\t: 0x41\nCPU part\t: 0xd49\n"
        ])
        #expect(tree.profile.cpuModel == "ARM implementer 0x41 part 0xd49")
        #expect(tree.profile.features == ["asimd", "asimddp", "i8mm", "bf16"])
    }

    @Test("Version 2: the least limit of the group and all above it holds")
    func version2() throws {
        let tree = try Tree([
            "proc/self/cgroup": "0::/system.slice/latentd.service\n", "proc/self/mountinfo": unified,
            "proc/self/status": "Cpus_allowed:\tf\n",
            "sys/fs/cgroup/system.slice/memory.max": "4096000\n", "sys/fs/cgroup/system.slice/cpu.max": "max 100000\n",
            "sys/fs/cgroup/system.slice/latentd.service/memory.max": "8192000\n",
            "sys/fs/cgroup/system.slice/latentd.service/memory.high": "max\n",
            "sys/fs/cgroup/system.slice/latentd.service/cpu.max": "150000 100000\n",
        ])
        #expect(tree.profile.cgroupMemoryBytes == 4_096_000)
        #expect(tree.profile.cpuQuota == 1.5)
        #expect(tree.profile.threads == 2)
    }

    @Test("Version 2: a soft limit counts as well")
    func high() throws {
        let tree = try Tree([
            "proc/self/cgroup": "0::/\n", "proc/self/mountinfo": unified, "sys/fs/cgroup/memory.max": "max\n",
            "sys/fs/cgroup/memory.high": "1000000\n",
        ])
        #expect(tree.profile.cgroupMemoryBytes == 1_000_000)
    }

    @Test("Version 1: limits of a hierarchy a controller, no limit as a huge number")
    func version1() throws {
        let tree = try Tree([
            "proc/self/cgroup": "4:memory:/jobs/a\n2:cpu,cpuacct:/jobs\n1:name=systemd:/\n0::/\n",
            "proc/self/mountinfo":
                "31 30 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                + "32 30 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n",
            "proc/self/status": "Cpus_allowed:\tff\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/jobs/memory.limit_in_bytes": "2000000\n",
            "sys/fs/cgroup/memory/jobs/a/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu/jobs/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/jobs/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ])
        #expect(tree.profile.cgroupMemoryBytes == 2_000_000)
        #expect(tree.profile.cpuQuota == 0.5)
        #expect(tree.profile.threads == 1)
    }

    @Test("A container sees its own part of the hierarchy at the mount's top")
    func container() throws {
        let tree = try Tree([
            "proc/self/cgroup": "4:memory:/docker/abc/inner\n",
            "proc/self/mountinfo": "31 30 0:28 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "5000000\n",
            "sys/fs/cgroup/memory/inner/memory.limit_in_bytes": "3000000\n",
        ])
        #expect(tree.profile.cgroupMemoryBytes == 3_000_000)
    }

    @Test(
        "A host that tells nothing has one core and no limits", arguments: ["", "nonsense", ": : :\n-\n", "4:memory"])
    func silent(text: String) throws {
        let tree = try Tree([
            "proc/cpuinfo": text, "proc/self/cgroup": text, "proc/self/mountinfo": text, "proc/self/status": text,
        ])
        let profile = tree.profile
        #expect(profile.cpuModel == "unknown")
        #expect(profile.cores == 1)
        #expect(profile.cgroupMemoryBytes == nil && profile.cpuQuota == nil)
    }

    @Test("This very host has cores and memory")
    func real() {
        let profile = HostProbe().profile(isa: "scalar", blasCore: "")
        #expect(profile.cores >= 1)
        #expect(profile.memoryBytes > 1 << 20)
    }
}
