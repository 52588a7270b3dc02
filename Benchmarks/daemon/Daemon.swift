import ArgumentParser
import Foundation

/// Measures the daemon at rest and how soon it takes a job.
@main
struct Daemon: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "daemon",
        abstract: "Idle memory and wake-ups of latentd, and the time from submission to claim.",
        discussion: """
            swift build -c release && swift run -c release --package-path Benchmarks daemon --models models

            Starts a private daemon, leaves it alone for a while, then drops and submits jobs one after the other. The \
            claim's time is the daemon's own, in milliseconds.
            """)

    @Option(help: "Where latentd and latentctl are.")
    var binaries = ".build/release"

    @Option(help: "A folder of model folders; may be repeated.")
    var models: [String] = ["models"]

    @Option(help: "Seconds of idleness to watch.")
    var seconds: UInt32 = 30

    @Option(help: "Jobs of each kind.")
    var jobs = 10

    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() throws {
        let instance = try Instance(binaries: URL(fileURLWithPath: binaries), models: models)
        let figures = Result { try measure(instance) }
        try instance.stop()
        let report = try figures.get()
        print(json ? try report.json() : report.table)
    }

    private func measure(_ instance: Instance) throws -> Report {
        let fresh = try idleness(instance)
        let dropped = try (1...jobs).map { try drop(instance, "dropped-\($0)") }
        let submitted = try (1...jobs).map { try submit(instance, "submitted-\($0)") }
        let claims = try claimTimes(instance)
        return Report(
            fresh: fresh, afterJobs: try idleness(instance),
            dropMilliseconds: try milliseconds(dropped, claims), submitMilliseconds: try milliseconds(submitted, claims)
        )
    }

    private func idleness(_ instance: Instance) throws -> Report.Idleness {
        sleep(2)  // The start's, or the last picture's, own work is over.
        let before = try ProcessUse(of: instance.processIdentifier)
        sleep(seconds)
        let after = try ProcessUse(of: instance.processIdentifier)
        return Report.Idleness(
            residentBytes: after.residentBytes, privateBytes: after.privateBytes, threads: after.threads,
            wakeUpsPerSecond: Double(after.wakeUps(since: before)) / Double(seconds),
            cpuFraction: (after.cpuSeconds - before.cpuSeconds) / Double(seconds))
    }

    private typealias Submission = (name: String, time: Date)

    /// A file renamed into `incoming`, as any program may do it.
    private func drop(_ instance: Instance, _ name: String) throws -> Submission {
        let file = instance.root.appendingPathComponent("\(name).json")
        try Data(#"{"prompt": "a red apple", "steps": 1}"#.utf8).write(to: file)
        let time = Date()
        try FileManager.default.moveItem(
            at: file, to: instance.spool("incoming").appendingPathComponent(file.lastPathComponent))
        try instance.waitForResult(name)
        return (name, time)
    }

    /// The whole client, from the start of its process.
    private func submit(_ instance: Instance, _ name: String) throws -> Submission {
        let file = instance.root.appendingPathComponent("\(name).json")
        try Data(#"{"prompt": "a red apple", "steps": 1, "output": {"name": "\#(name)"}}"#.utf8).write(to: file)
        let time = Date()
        try instance.control("submit", file.path)
        try instance.waitForResult(name)
        return (name, time)
    }

    /// When the daemon claimed each job, by the job's name.
    private func claimTimes(_ instance: Instance) throws -> [String: Date] {
        let reply = try instance.control("list", "--limit", "\(4 * jobs)")
        guard let list = try JSONSerialization.jsonObject(with: reply) as? [[String: Any]] else {
            throw BenchmarkError.unexpectedReply(String(decoding: reply, as: UTF8.self))
        }
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        var times: [String: Date] = [:]
        for job in list {
            if let name = job["name"] as? String, let text = job["started_at"] as? String {
                times[name] = formatter.date(from: text)
            }
        }
        return times
    }

    private func milliseconds(_ submissions: [Submission], _ claims: [String: Date]) throws -> [Double] {
        try submissions.map { submission in
            guard let claim = claims[submission.name] else { throw BenchmarkError.unexpectedReply(submission.name) }
            return claim.timeIntervalSince(submission.time) * 1000
        }
    }
}
