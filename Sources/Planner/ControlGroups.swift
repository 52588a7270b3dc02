/// The limits that control groups set for this process, of either version.
///
/// ```
/// /proc/self/cgroup      0::/system.slice/latentd.service           version 2
///                        4:memory:/a/b                              version 1, a line a hierarchy
/// /proc/self/mountinfo   ... ROOT MOUNTPOINT ... - cgroup2 ...      which part of the hierarchy is seen, and where
/// MOUNTPOINT/a/b, MOUNTPOINT/a, MOUNTPOINT                          every ancestor's limit holds: the least counts
/// ```
struct ControlGroups {
    private let root: String
    private let memberships: [(controllers: [String], path: String)]
    private let mounts: [Mount]

    private struct Mount {
        var root: String
        var point: String
        var type: String
        var options: [String]
    }

    init(root: String) {
        self.root = root
        memberships = (TextFile.contents(root, "proc/self/cgroup") ?? "").split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            return (parts[1].split(separator: ",").map(String.init), String(parts[2]))
        }
        mounts = (TextFile.contents(root, "proc/self/mountinfo") ?? "").split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ").map(String.init)
            guard let dash = fields.firstIndex(of: "-"), dash >= 5, fields.count > dash + 3 else { return nil }
            return Mount(
                root: fields[3], point: fields[4], type: fields[dash + 1],
                options: fields[dash + 3].split(separator: ",").map(String.init))
        }
    }

    /// The least memory limit in bytes. `memory.high` counts: beyond it the kernel reclaims rather than kills, but a job
    /// that stays below it is never slowed.
    func memoryLimit() -> Int? {
        var limits = folders(unified: true, controller: "memory").flatMap { folder in
            ["memory.max", "memory.high"].compactMap { number(folder, $0) }
        }
        limits += folders(unified: false, controller: "memory").compactMap { number($0, "memory.limit_in_bytes") }
        // Version 1 says "no limit" as a number near 2^63.
        return limits.filter { $0 < 1 << 62 }.min()
    }

    /// The least CPU quota in cores.
    func cpuQuota() -> Double? {
        var quotas: [Double] = folders(unified: true, controller: "cpu").compactMap { folder in
            let parts = (TextFile.contents(root, "\(folder)/cpu.max") ?? "").split(whereSeparator: \.isWhitespace)
            guard parts.count == 2, let quota = Double(parts[0]), let period = Double(parts[1]) else { return nil }
            return Self.cores(quota, period)
        }
        quotas += folders(unified: false, controller: "cpu").compactMap { folder in
            guard let quota = number(folder, "cpu.cfs_quota_us"), let period = number(folder, "cpu.cfs_period_us")
            else {
                return nil
            }
            return Self.cores(Double(quota), Double(period))
        }
        return quotas.min()
    }

    /// A quota of -1 is none.
    private static func cores(_ quota: Double, _ period: Double) -> Double? {
        quota > 0 && period > 0 ? quota / period : nil
    }

    private func number(_ folder: String, _ name: String) -> Int? {
        TextFile.contents(root, "\(folder)/\(name)").flatMap { text in
            text.split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
        }
    }

    /// The process's folder in a hierarchy and all above it, as far as they are mounted.
    private func folders(unified: Bool, controller: String) -> [String] {
        let membership = memberships.first { unified ? $0.controllers.isEmpty : $0.controllers.contains(controller) }
        let mount = mounts.first { mount in
            unified ? mount.type == "cgroup2" : mount.type == "cgroup" && mount.options.contains(controller)
        }
        guard let membership, let mount else { return [] }
        // Inside a container the mount shows a part of the hierarchy: a path outside of it is the mount's own top.
        var parts = membership.path.split(separator: "/")
        let hidden = mount.root.split(separator: "/")
        parts = parts.starts(with: hidden) ? Array(parts.dropFirst(hidden.count)) : []
        return (0...parts.count).map { ([mount.point] + parts.prefix($0).map(String.init)).joined(separator: "/") }
    }
}
