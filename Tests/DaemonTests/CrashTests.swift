import Foundation
import Glibc
import JobStore
import Jobs
import Testing
import Varlink

@Suite("Killed at any moment, every job is done exactly once", .timeLimit(.minutes(4)))
struct CrashTests {
    @Test("200 mixed jobs, a tenth of them bad, and SIGKILL at 20 random moments")
    func twentyKills() async throws {
        var random = SeededRandom(seed: 42)
        let root = try Root()
        let jobs = (0..<200).map { Mixed(number: $0, using: &random) }
        let environment = ["LATENTD_MAX_CRASHES": "1000000"]
        var waiting = jobs[...]
        for _ in 0..<20 {
            for job in waiting.prefix(5) { try root.drop(job.file, job.content) }
            waiting = waiting.dropFirst(5)
            let daemon = try await DaemonProcess(root, environment: environment)
            #expect(daemon.isRunning, "\(daemon.journal.text)")
            for job in waiting.prefix(5) { try root.drop(job.file, job.content) }
            waiting = waiting.dropFirst(5)
            // Not a wait for anything: the moment of the kill is what is drawn by lot.
            try await Task.sleep(for: .milliseconds(.random(in: 0..<400, using: &random)))
            daemon.signal(SIGKILL)
            #expect(await daemon.end() == -SIGKILL)
        }
        #expect(waiting.isEmpty)

        let last = try await DaemonProcess(root, environment: environment)
        #expect(last.isRunning, "\(last.journal.text)")
        for job in jobs where !job.isBad {
            while try await isUnknown(job.id, to: last) { await Task.yield() }
            let end = try await last.watch(job.id)
            #expect(end.state == .succeeded, "\(job.file)")
        }
        await waitForIntake(of: root, last)
        await last.stop()

        let good = jobs.filter { !$0.isBad }
        #expect(root.names("spool/done") == good.flatMap { ["\($0.name).json", "\($0.name).webp"] }.sorted())
        for job in good {
            #expect(try root.json("spool/done/\(job.name).json")["id"]?.string == job.id.rawValue)
        }
        for job in jobs where job.isBad {
            #expect(try root.json("spool/failed/\(job.name).json")["error"]?["code"]?.string == "invalid_job")
        }
        #expect(root.names("spool/failed").filter { !$0.contains(".job.") }.count == jobs.count { $0.isBad })
        #expect(root.names("spool/incoming").isEmpty)
        #expect(root.names("spool/work") == ["tmp"])
        let store = try JobStore.open(path: root.layout.queueDatabase.string)
        let counts = try await store.counts()
        #expect(counts[.succeeded] == good.count && counts.values.reduce(0, +) == good.count)
    }

    private func isUnknown(_ id: JobID, to daemon: DaemonProcess) async throws -> Bool {
        do {
            _ = try await daemon.call(Show.self, JobReference(id: id.rawValue))
            return false
        } catch VarlinkError.refused(.jobNotFound(id.rawValue)) {
            return true
        }
    }

    /// A job that is dropped after all others is done after all others were taken in.
    private func waitForIntake(of root: Root, _ daemon: DaemonProcess) async {
        while !root.names("spool/incoming").isEmpty || root.names("spool/work") != ["tmp"] { await Task.yield() }
    }
}

/// One of the 200.
private struct Mixed: Sendable {
    let number: Int
    let file: String
    let content: String

    var isBad: Bool { number % 10 == 9 }
    var name: String { (file as NSString).deletingPathExtension }
    var id: JobID {
        guard let id = JobID(rawValue: "mixed-\(number)") else { preconditionFailure("that is an id") }
        return id
    }

    init(number: Int, using random: inout SeededRandom) {
        self.number = number
        let model = ["sd1", "sd2", "pruned", "lcm"].randomElement(using: &random) ?? "sd1"
        let steps = Int.random(in: 1...2, using: &random)
        let priority = Int.random(in: -2...2, using: &random)
        let job =
            #"{"prompt":"picture \#(number)","id":"mixed-\#(number)","model":"\#(model)","width":64,"height":64,"#
            + #""steps":\#(steps),"priority":\#(priority),"seed":\#(number)"#
        let bad = [#","stpes":2}"#, #","width":0}"#, "", #","output":{"name":"../x"}}"#]
        file = "job-\(number).\(number % 7 == 3 ? "jsonl" : "json")"
        content = job + (number % 10 == 9 ? bad[number / 10 % bad.count] : "}")
    }
}

/// SplitMix64: the same moments in every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
