import Foundation
import MemoryGroup

/// A process that ran to its end, in a control group of its own where a limit was given.
struct Child {
    /// What it wrote.
    let output: Data, errors: String
    /// Its exit code, or minus the signal that ended it.
    let status: Int32
    /// What its group says; nil without one.
    let group: GroupUse?

    /// What a control group saw.
    struct GroupUse: Encodable {
        let limitBytes: Int
        let peakBytes: Int?
        /// How often the limit was met, and pages of files were reclaimed.
        let encounters: Int
        let kills: Int
    }

    /// Runs a program.
    ///
    /// - Parameter groupBytes: the limit of its control group; nil for none.
    init(_ program: String, _ arguments: [String], groupBytes: Int?) throws {
        var group: MemoryGroup?
        if let groupBytes {
            group = MemoryGroup(limitBytes: groupBytes)
            guard group != nil else { throw Failure("no control group with a limit can be made here") }
        }
        let command = group?.entering(program, arguments) ?? (program: program, arguments: arguments)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command.program)
        process.arguments = command.arguments
        let (stdout, stderr) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (stdout, stderr)
        try process.run()
        // Neither stream of these programs fills a pipe before the other is read.
        output = try stdout.fileHandleForReading.readToEnd() ?? Data()
        errors = String(decoding: try stderr.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        self.group = group.map {
            GroupUse(
                limitBytes: groupBytes ?? 0, peakBytes: $0.peakBytes, encounters: $0.encounters, kills: $0.kills)
        }
    }

    /// This program.
    static let ownProgram = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""

    /// The last line that it wrote to standard error, or what ended it.
    var reason: String {
        if let group, group.kills > 0 { return "killed at its limit" }
        if status < 0 { return "ended by signal \(-status)" }
        return errors.split(separator: "\n").last.map(String.init) ?? "exit code \(status)"
    }
}

/// Why there is no measurement.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
