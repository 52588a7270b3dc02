import Foundation

/// A private daemon under a folder of its own, stopped and removed at the end.
final class Instance {
    let root: URL
    private let daemon = Process()
    private let client: URL

    /// Starts `latentd serve` and returns when it answers.
    init(binaries: URL, models: [String]) throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-benchmark-\(getpid())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        client = binaries.appendingPathComponent("latentctl")
        daemon.executableURL = binaries.appendingPathComponent("latentd")
        daemon.arguments = ["serve", "--root", root.path] + models.flatMap { ["--models", $0] }
        let log = root.appendingPathComponent("log")
        try Data().write(to: log)
        daemon.standardError = try FileHandle(forWritingTo: log)
        try daemon.run()
        while (try? control("status")) == nil {
            guard daemon.isRunning else { throw BenchmarkError.daemonEnded(log: log.path) }
            usleep(50_000)
        }
    }

    var processIdentifier: Int32 { daemon.processIdentifier }

    /// The spool's folder `name`.
    func spool(_ name: String) -> URL { root.appendingPathComponent("spool").appendingPathComponent(name) }

    /// Runs `latentctl` and returns what it printed.
    @discardableResult
    func control(_ arguments: String...) throws -> Data {
        let process = Process()
        process.executableURL = client
        process.arguments = arguments + ["--root", root.path, "--json"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchmarkError.clientFailed(arguments: arguments, status: process.terminationStatus)
        }
        return data
    }

    /// Waits until the result of job `name` lies in `done`.
    func waitForResult(_ name: String) throws {
        while !FileManager.default.fileExists(atPath: spool("done").appendingPathComponent("\(name).json").path) {
            let failed = spool("failed").appendingPathComponent("\(name).json").path
            guard !FileManager.default.fileExists(atPath: failed) else {
                throw BenchmarkError.jobFailed(report: failed)
            }
            usleep(20_000)
        }
    }

    /// Stops the daemon and removes its folder.
    func stop() throws {
        daemon.terminate()
        daemon.waitUntilExit()
        try FileManager.default.removeItem(at: root)
    }
}

enum BenchmarkError: Error {
    case daemonEnded(log: String)
    case clientFailed(arguments: [String], status: Int32)
    case jobFailed(report: String)
    case unexpectedReply(String)
}
