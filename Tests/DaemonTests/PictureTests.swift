import Images
import JSONText
import Jobs
import Testing
import Varlink

/// A job that the tiny fixture models draw in a moment.
func quickJob(_ prompt: String = "a red apple", _ fields: String = "") -> String {
    #"{"prompt":"\#(prompt)","model":"sd1","width":64,"height":64,"steps":2\#(fields)}"#
}

@Suite("A job dropped into the spool comes back as a picture", .timeLimit(.minutes(2)))
struct PictureTests {
    @Test("A JSON job becomes a WebP and a record that say how it was made, and again the same bytes")
    func json() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        try root.drop("apple.json", quickJob("a red apple", #","seed":7,"id":"first""#))
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=apple") != nil)
        let picture = try root.bytes("spool/done/apple.webp")
        #expect(try WebP.decode(picture).width == 64)
        let metadata = try PictureMetadata(webp: picture)
        #expect((metadata.prompt, metadata.seed, metadata.steps, metadata.model) == ("a red apple", 7, 2, "sd1"))
        let record = try root.json("spool/done/apple.json")
        #expect(record["id"]?.string == "first")
        #expect(record["queue"]?["attempts"] == .number(JSONNumber(1)))

        try root.drop("again.json", metadata.job)
        #expect(await daemon.journal.line(with: "Finished a job", "job.result=again") != nil)
        let again = try root.bytes("spool/done/again.webp")
        #expect(try WebP.bitstream(of: again) == WebP.bitstream(of: picture))
        #expect(await daemon.stop() == 0)
        #expect(root.names("spool/incoming").isEmpty)
        #expect(root.names("spool/work") == ["tmp"])
    }

    @Test("Arrays, lines and plain prompts make a job each")
    func kinds() async throws {
        let root = try Root()
        try root.drop("pair.json", "[\(quickJob("one")),\(quickJob("two"))]")
        try root.drop("lines.jsonl", "\(quickJob("three"))\n\n\(quickJob("four"))\n")
        let daemon = try await DaemonProcess(root, environment: ["LATENTD_DEFAULT_LATENCY_BUDGET": "1s"])
        try root.drop("prompt.txt", "a blue cup\n")
        for name in ["pair-1", "pair-2", "lines-1", "lines-2", "prompt"] {
            #expect(await daemon.journal.line(with: "Finished a job", "job.result=\(name)") != nil)
        }
        #expect(root.names("spool/done").count == 10)
        #expect(try root.json("spool/done/prompt.json")["request"]?["prompt"]?.string == "a blue cup")
        await daemon.stop()
    }

    @Test("A budget is planned for, and one that cannot be kept is said beforehand")
    func budget() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let job = try JSONValue(parsing: quickJob("a", #","latency_budget":"1ms""#).utf8)
        let plan = try await daemon.call(PlanJob.self, PlanJob.Parameters(job: job)).plan
        #expect(plan.meetsBudget == false)
        #expect(plan.prediction != nil)
        let reply = try await daemon.call(Submit.self, Submit.Parameters(job: job, name: "late"))
        #expect(reply.plan.meetsBudget == false)
        #expect(try await daemon.watch(reply.job.id).state == .succeeded)
        #expect(try root.json("spool/done/late.json")["met_budget"] == .bool(false))
        await daemon.stop()
    }

    @Test("Progress comes as it happens, and ends with the picture's path")
    func progress() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let id = try await daemon.submit(#"{"prompt":"a","model":"sd1","width":64,"height":64,"steps":20}"#)
        let job = try await daemon.watch(id) { update in
            guard let progress = update.progress else { return false }
            // The model's own sampler, PNDM, takes its first step twice.
            #expect((0...1).contains(progress.fraction) && progress.step <= progress.steps && progress.steps == 21)
            return false
        }
        #expect(job.state == .succeeded)
        #expect(job.picture == root.path + "/spool/done/job.webp")
        await daemon.stop()
    }

    @Test("A subscriber hears of every job until it hangs up")
    func subscribe() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let long = try await daemon.submit(#"{"prompt":"a","model":"sd1","width":64,"height":64,"steps":900}"#)
        let next = try await daemon.submit(quickJob())
        let path = root.layout.controlSocket.string
        let heard = try await onThread {
            Result {
                var heard: Set<JobID> = []
                try Connection(path: path).stream(Subscribe.self, Nothing()) { update in
                    if let job = update.job, job.state == .succeeded { heard.insert(job.id) }
                    return heard.count < 2
                }
                return heard
            }
        }.get()
        #expect(heard == [long, next])
        await daemon.stop()
    }
}
