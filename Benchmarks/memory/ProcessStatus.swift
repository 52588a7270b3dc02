import Foundation

/// What the kernel says of a process's memory.
enum ProcessStatus {
    /// A field of `/proc/PID/status` that is in kB, such as `VmHWM`; 0 where there is none.
    static func bytes(_ field: String, of process: String = "self") -> Int {
        let status = FileManager.default.contents(atPath: "/proc/\(process)/status") ?? Data()
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("\(field):") }
        return (line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0) * 1024
    }
}
