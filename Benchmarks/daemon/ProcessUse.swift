import Foundation

/// What a process has used, as /proc tells.
struct ProcessUse {
    /// Pages of its own, in bytes: what nobody else would free.
    let privateBytes: Int
    /// All pages that are resident, shared libraries and mapped files included.
    let residentBytes: Int
    let threads: Int
    /// Times that one of its threads waited for something and was woken, since the start.
    let wakeUps: Int
    /// Processor time since the start.
    let cpuSeconds: Double

    init(of process: Int32) throws {
        let folder = "/proc/\(process)"
        let rollup = try Fields("\(folder)/smaps_rollup")
        privateBytes = 1024 * (rollup["Private_Clean"] + rollup["Private_Dirty"])
        residentBytes = 1024 * rollup["Rss"]
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/task")
        threads = tasks.count
        wakeUps = try tasks.reduce(0) { try $0 + Fields("\(folder)/task/\($1)/status")["voluntary_ctxt_switches"] }
        let stat = try String(contentsOfFile: "\(folder)/stat", encoding: .utf8)
        // After the name in brackets, utime and stime are fields 14 and 15 of all.
        let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
        let ticks = fields.count > 13 ? (Double(fields[12]) ?? 0) + (Double(fields[13]) ?? 0) : 0
        cpuSeconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
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
