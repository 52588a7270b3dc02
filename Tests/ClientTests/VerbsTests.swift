import Client
import Foundation
import Images
import JSONText
import Jobs
import Planner
import Settings
import Testing
import Varlink

@Suite("The verbs, from arguments to printed text", .timeLimit(.minutes(1)))
struct VerbsTests {
    private func progress(_ step: Int) throws -> JobProgress {
        JobProgress(
            job: try Desk.job("owl", .running),
            progress: ProgressInfo(
                stage: "denoising", step: step, steps: 4, fraction: Double(step) / 4, elapsedSeconds: 1,
                remainingSeconds: 9))
    }

    private func lines(_ text: String) throws -> [JSONValue] {
        try text.split(separator: "\n").map { try JSONValue(parsing: $0.utf8) }
    }

    @Test("status says a fact a line, and as JSON what the daemon said")
    func status() async throws {
        let desk = try Desk()
        try await desk.open {
            let text = try desk.run { (verbs) throws(ClientError) in try verbs.status() }
            #expect(
                text.output == """
                    latentd  1, process 2, up 3.00 s
                    spool    \(desk.root)/spool
                    jobs     0 queued, 0 running, 0 done, 0 failed, 0 cancelled
                    kernels  avx2, OpenBLAS Haswell
                    memory   1.0 MiB

                    """)
            let json = try desk.run(json: true) { (verbs) throws(ClientError) in try verbs.status() }
            let status = try JSONDecoder().decode(StatusInfo.self, from: Data(json.output.utf8))
            #expect(status.isa == "avx2" && json.output.hasSuffix("}\n") && json.errors.isEmpty)
        }
    }

    @Test("list is a table over all pages, of the states and the number that were asked for")
    func list() async throws {
        let desk = try Desk()
        let jobs = try ["a", "b", "c", "d", "e"].map { try Desk.job($0, $0 == "c" ? .failed : .queued) }
        desk.state.withLock { $0.jobs = jobs }
        try await desk.open {
            let all = try desk.run { (verbs) throws(ClientError) in try verbs.list() }
            let rows = all.output.split(separator: "\n")
            #expect(rows.count == 6 && rows[0] == "ID  STATE   NAME  PRIORITY  QUEUED                    PROMPT")
            #expect(rows[3] == "c   failed  c     0         1970-01-01T00:00:00.000Z  a c")
            let failed = try desk.run { (verbs) throws(ClientError) in try verbs.list([.failed]) }
            #expect(failed.output.split(separator: "\n").count == 2)
            let three = try desk.run(json: true) { (verbs) throws(ClientError) in try verbs.list(limit: 3) }
            guard case .array(let values) = try lines(three.output)[0] else {
                Issue.record("no array: \(three.output)")
                return
            }
            #expect(values.compactMap { $0["id"]?.string } == ["a", "b", "c"])
        }
    }

    @Test("show, cancel and retry are about one job, and say when there is none")
    func oneJob() async throws {
        let desk = try Desk()
        let job = try Desk.job("owl")
        desk.state.withLock { $0.jobs = [job] }
        try await desk.open {
            let shown = try desk.run { (verbs) throws(ClientError) in try verbs.show("owl") }
            #expect(shown.output.contains("state     queued\n") && shown.output.contains(#"{"prompt":"a owl"}"#))
            #expect(
                try desk.run { (verbs) throws(ClientError) in try verbs.cancel("owl") }.output == "owl cancelled\n")
            #expect(
                try desk.run { (verbs) throws(ClientError) in try verbs.retry("owl") }.output == "owl queued\n")
            let none = try desk.run { (verbs) throws(ClientError) in try verbs.show("cat") }
            #expect(none.error?.exitCode == .data && none.error?.description == "there is no job cat")
            #expect(none.output.isEmpty && none.errors.isEmpty)
        }
    }

    @Test("pause and resume say what they did, or who may do it")
    func pause() async throws {
        let desk = try Desk()
        try await desk.open {
            #expect(try desk.run { (verbs) throws(ClientError) in try verbs.pause() }.output == "paused\n")
            #expect(desk.state.withLock { $0.isPaused })
            #expect(try desk.run { (verbs) throws(ClientError) in try verbs.resume() }.output == "resumed\n")
            desk.state.withLock { $0.isAdministrator = false }
            let refused = try desk.run { (verbs) throws(ClientError) in try verbs.pause() }
            #expect(refused.error?.exitCode == .notPermitted)
            #expect(refused.error?.description == "only root may pause the queue")
        }
    }

    @Test("watch shows the way and prints the picture, or every change as JSON")
    func watch() async throws {
        let desk = try Desk()
        let end = JobProgress(job: try Desk.job("owl", .succeeded, picture: "/done/owl.webp"), progress: nil)
        let updates = [try progress(1), try progress(2), end]
        desk.state.withLock { $0.updates = updates }
        try await desk.open {
            let text = try desk.run { (verbs) throws(ClientError) in try verbs.watch("owl") }
            #expect(text.output == "/done/owl.webp\n" && text.error == nil)
            #expect(
                text.errors == "owl  [#####---------------]   25 %  step 1/4  9.00 s left\nowl  succeeded\n")
            let json = try desk.run(json: true) { (verbs) throws(ClientError) in try verbs.watch("owl") }
            #expect(try lines(json.output).count == 3 && json.errors.isEmpty)
        }
    }

    @Test("watch ends as the job did", arguments: [(JobState.failed, ExitCode.software), (.cancelled, .temporary)])
    func watchedEnd(_ state: JobState, _ code: ExitCode) async throws {
        let desk = try Desk()
        let end = JobProgress(job: try Desk.job("owl", state), progress: nil)
        desk.state.withLock { $0.updates = [end] }
        try await desk.open {
            let run = try desk.run { (verbs) throws(ClientError) in try verbs.watch("owl") }
            #expect(run.error?.exitCode == code && run.output.isEmpty, "\(run)")
        }
    }

    private func fields(_ prompt: String, _ more: JSONValue.Member...) -> JobSourceArgument {
        .fields([JSONValue.Member("prompt", .string(prompt))] + more)
    }

    @Test("submit prints the id, and notes what a person should know")
    func submit() async throws {
        let desk = try Desk()
        let source = fields("A Red, red owl", JSONValue.Member("id", .string("mine")))
        try await desk.open {
            let first = try desk.run { (verbs) throws(ClientError) in try verbs.submit(source) }
            #expect(first.output == "mine\n" && first.error == nil)
            #expect(
                first.errors
                    == "the budget cannot be kept: It takes too long.\nwarning: Half of it is left out.\n")
            #expect(desk.state.withLock { $0.jobs.first?.name.rawValue } == "a-red-red-owl")
            let again = try desk.run(json: true) { (verbs) throws(ClientError) in try verbs.submit(source) }
            #expect(again.errors.hasPrefix("job mine is known already; nothing was added\n"))
            let receipt = try lines(again.output)[0]
            #expect(receipt["id"]?.string == "mine" && receipt["plan"]?["meets_budget"] == .bool(false))
        }
    }

    @Test("submit waits for the picture and copies it to where it is asked for")
    func submitAndWait() async throws {
        let desk = try Desk()
        let picture = desk.root + "/owl.webp", copy = desk.root + "/copy.webp"
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: picture))
        let end = JobProgress(job: try Desk.job("owl", .succeeded, picture: picture), progress: nil)
        desk.state.withLock { $0.updates = [end] }
        let source = fields("an owl")
        try await desk.open {
            let waited = try desk.run { (verbs) throws(ClientError) in try verbs.submit(source, wait: true) }
            #expect(waited.output == picture + "\n", "\(waited)")
            let copied = try desk.run { (verbs) throws(ClientError) in try verbs.submit(source, output: copy) }
            #expect(copied.output == copy + "\n", "\(copied)")
            #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == Data([1, 2, 3]))
        }
    }

    @Test("A file of several jobs is submitted whole, has one output at the most, and one wrong job stops it")
    func files() async throws {
        let desk = try Desk()
        let file = desk.root + "/birds.jsonl"
        try Data("{\"prompt\":\"a\",\"id\":\"a\"}\n{\"prompt\":\"b\",\"id\":\"b\"}\n".utf8)
            .write(to: URL(fileURLWithPath: file))
        try await desk.open {
            let two = try desk.run { (verbs) throws(ClientError) in try verbs.submit(.file(file)) }
            #expect(two.output == "a\nb\n", "\(two)")
            #expect(desk.state.withLock { $0.jobs.map(\.name.rawValue) } == ["birds-1", "birds-2"])
            let output = try desk.run { (verbs) throws(ClientError) in
                try verbs.submit(.file(file), output: desk.root + "/x.webp")
            }
            #expect(output.error?.exitCode == .usage)
            try Data("{\"prompt\":\"a\"}\n{\"colour\":\"b\"}\n".utf8).write(to: URL(fileURLWithPath: file))
            let wrong = try desk.run { (verbs) throws(ClientError) in try verbs.submit(.file(file)) }
            #expect(wrong.error?.exitCode == .data && wrong.error?.description.contains("colour") == true)
            let none = try desk.run { (verbs) throws(ClientError) in try verbs.submit(.file("/none.json")) }
            #expect(none.error?.exitCode == .noInput)
        }
    }

    @Test("Without a daemon submit drops the job into the spool, and what needs a daemon says so")
    func noDaemon() throws {
        let desk = try Desk()
        let source = fields("An owl"), incoming = desk.root + "/spool/incoming/an-owl.json"
        let run = try desk.run { (verbs) throws(ClientError) in try verbs.submit(source) }
        #expect(run.output == incoming + "\n" && run.errors.contains("the job waits in the spool"), "\(run)")
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: incoming)))
        #expect(try JobRequest.decode(json: bytes).prompt == "An owl")
        let waiting = try desk.run { (verbs) throws(ClientError) in try verbs.submit(source, wait: true) }
        #expect(waiting.error?.exitCode == .unavailable)
        #expect(waiting.error?.description.hasPrefix("cannot wait without a daemon") == true)
        let status = try desk.run { (verbs) throws(ClientError) in try verbs.status() }
        #expect(status.error?.exitCode == .unavailable)
    }

    @Test("plan, models and calibrate explain themselves in tables")
    func tables() async throws {
        let desk = try Desk()
        let source = fields("an owl")
        try await desk.open {
            let plan = try desk.run { (verbs) throws(ClientError) in try verbs.plan(source) }
            #expect(
                plan.output == """
                    model    m int8, 4 steps
                    size     8 x 8
                    sampler  ddim, guidance 1.0
                    budget   1.00 s, CANNOT be kept
                    why      It takes too long.
                    warning  Half of it is left out.

                    """)
            let models = try desk.run { (verbs) throws(ClientError) in try verbs.models() }
            let rows = models.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
            #expect(rows[1] == "g m 8 x 16 2.0 MiB 4,8 int8 90 1.50 s 3.0 MiB 36.4 dB" && rows[2] == "x it is broken")
            let calibration = try desk.run { (verbs) throws(ClientError) in try verbs.calibrate("m") }
            #expect(
                calibration.output == """
                    MODEL  PRECISION  SIZE   TEXT    STEP  DECODE
                    m      int8       8 x 8  0.50 s  12 s  2 min 30 s

                    """)
        }
    }

    @Test("inspect and view read a picture of ours, and refuse what is none")
    func pictures() throws {
        let desk = try Desk()
        let image = RGBImage(width: 8, height: 8, pixels: [UInt8](repeating: 200, count: 192))
        let metadata = PictureMetadata(
            prompt: "an owl", negativePrompt: "", width: 8, height: 8, seed: 7, steps: 4, sampler: "ddim",
            guidanceScale: 1, randomSource: "latentd", model: "m", modelSHA256: String(repeating: "0", count: 64),
            precision: "int8", isa: "avx2", version: "1", timings: [], initImage: nil, job: #"{"prompt":"an owl"}"#)
        let file = desk.root + "/owl.webp"
        try Data(WebP.attaching(metadata, to: WebP.encode(image))).write(to: URL(fileURLWithPath: file))
        let report = try desk.run { (verbs) throws(ClientError) in try verbs.inspect(file) }
        #expect(report.output.contains("an owl") && report.output.hasSuffix("\n"))
        let job = try desk.run { (verbs) throws(ClientError) in try verbs.inspect(file, asJob: true) }
        #expect(job.output == "{\"prompt\":\"an owl\"}\n")
        let view = try desk.run { (verbs) throws(ClientError) in try verbs.view(file, columns: 8) }
        #expect(view.output.contains("\u{2580}"))
        try Data("no picture".utf8).write(to: URL(fileURLWithPath: file))
        let bad = try desk.run { (verbs) throws(ClientError) in try verbs.inspect(file) }
        #expect(bad.error?.exitCode == .data && bad.error?.description.hasPrefix(file + ": ") == true)
        let none = try desk.run { (verbs) throws(ClientError) in try verbs.view(file + "x", columns: 8) }
        #expect(none.error?.exitCode == .noInput)
    }

    @Test(
        "doctor without latentd says where it looked, and all else that it can; with a daemon it asks that for models")
    func doctor() async throws {
        let desk = try Desk()
        let alone = try desk.run { (verbs) throws(ClientError) in try verbs.doctor() }
        #expect(alone.error?.exitCode == .configuration && alone.error?.description.contains("to be mended") == true)
        #expect(alone.output.contains("neither beside latentctl nor in PATH"), "\(alone.output)")
        #expect(alone.output.contains("you may drop jobs into") && alone.output.contains("no daemon answers"))
        let broken = try desk.run(latentd: "/bin/false") { (verbs) throws(ClientError) in try verbs.doctor() }
        #expect(broken.output.contains("'/bin/false probe' ended with code 1"), "\(broken.output)")
        try await desk.open {
            let run = try desk.run(json: true) { (verbs) throws(ClientError) in try verbs.doctor() }
            guard case .array(let findings) = try lines(run.output)[0] else {
                Issue.record("no array: \(run.output)")
                return
            }
            let models = findings.first { $0["subject"]?.string == "models" }
            #expect(models?["message"]?.string == "m; not usable: /x: it is broken")
            let daemon = findings.first { $0["subject"]?.string == "daemon" }
            #expect(daemon?["message"]?.string == "latentd 1, process 2, ready")
        }
    }
}
