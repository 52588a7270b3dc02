import Foundation

/// What a process has used, as /proc tells.
struct ProcessUse {
    /// Pages of its own, in bytes: what nobody else would free.
    let privateBytes: Int
    /// All pages that are resident, shared libraries and mapped files included.
    let residentBytes: Int
    /// For each thread, the times that it waited for something and was woken, since its start.
    private let wakeUps: [String: Int]
    /// Processor time since the start.
    let cpuSeconds: Double

    init(of process: Int32) throws {
        let folder = "/proc/\(process)"
        let rollup = try Fields("\(folder)/smaps_rollup")
        privateBytes = 1024 * (rollup["Private_Clean"] + rollup["Private_Dirty"])
        residentBytes = 1024 * rollup["Rss"]
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/task")
        wakeUps = Dictionary(
            uniqueKeysWithValues: try tasks.map {
                ($0, try Fields("\(folder)/task/\($0)/status")["voluntary_ctxt_switches"])
            })
        let stat = try String(contentsOfFile: "\(folder)/stat", encoding: .utf8)
        // After the name in brackets, utime and stime are fields 14 and 15 of all.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        let ticks = fields.count > 13 ? (Double(fields[12]) ?? 0) + (Double(fields[13]) ?? 0) : 0
        cpuSeconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    var threads: Int { wakeUps.count }

    /// Wake-ups since `earlier` of the threads that still live: pools end theirs when there is nothing to do.
    func wakeUps(since earlier: ProcessUse) -> Int {
        wakeUps.reduce(0) { $0 + $1.value - (earlier.wakeUps[$1.key] ?? 0) }
    }

    /// The lines `Name:   number ...` of a file.
    private struct Fields {
        private var numbers: [Substring: Int] = [:]

        init(_ path: String) throws {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            for line in text.split(separator: "\n") {
                let parts = line.split(whereSeparator: { $0 == ":" || $0 == " " || $0 == "\t" })
                if parts.count > 1, let number = Int(parts[1]) { numbers[parts[0]] = number }
            }
        }

        subscript(_ name: String) -> Int { numbers[Substring(name)] ?? 0 }
    }
}
