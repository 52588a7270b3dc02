import ArgumentParser
import Foundation
import MemoryGroup

/// How the processes that measure are started.
struct ProcessOptions: ParsableArguments {
    @Option(help: "Threads that compute.")
    var threads = 2

    @Option(help: "Where prepared weights, scratch files and pictures go.")
    var work: String

    @Flag(help: "Put what has a limit into a control group of it, without swap, which kills what goes beyond.")
    var groups = false

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard threads > 0 else { throw ValidationError("--threads must be positive.") }
    }

    /// A folder below `work` for prepared weights.
    func cache() throws -> String {
        let path = work + "/cache"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    /// Runs this program with a task for the model in `folder`.
    ///
    /// - Parameters:
    ///   - limit: MiB that the process may have resident; nil for as much as there is.
    ///   - groupBytes: the limit of its control group.
    func run(_ task: String, _ folder: String, _ arguments: [String], limit: Int?, groupBytes: Int?) throws -> Child {
        let cache = try cache()
        let groupBytes = groups ? groupBytes : nil
        if groupBytes != nil {
            MemoryGroup.forget(below: cache)
            MemoryGroup.forget(below: folder)
        }
        let limits = limit.map { ["--limit", "\($0)"] } ?? []
        return try Child(
            Child.ownProgram, [task, folder, "--cache", cache, "--threads", "\(threads)"] + limits + arguments,
            groupBytes: groupBytes)
    }
}
