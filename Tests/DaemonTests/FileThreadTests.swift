import Foundation
import Glibc
import Images
import JSONText
import Testing
import Varlink

@Suite("The cooperative pool never blocks", .timeLimit(.minutes(2)))
struct FileThreadTests {
    /// A root with one model of its own, so that nobody else opens its files.
    private func rootWithModel() throws -> (root: Root, models: String) {
        let root = try Root()
        let models = root.path + "/models"
        try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: Executable.fixtureModels + "/tiny", toPath: models + "/tiny")
        try Data("log_level: info\n".utf8).write(to: URL(fileURLWithPath: root.path + "/etc/latentd.yaml"))
        return (root, models)
    }

    /// Every opening was a thread's that may wait for a disk, and all of `parts` are among them.
    private func expect(_ openings: [FileWitness.Opening], toHave parts: [String]) {
        let known = ["inference", "worker-disk", "control-disk", "intake", "janitor", "instance"]
        let strangers = openings.filter { opening in
            !known.contains(opening.thread) && opening.thread.wholeMatch(of: /control-\d+/) == nil
        }
        #expect(strangers.isEmpty, "\(strangers)")
        for part in parts {
            #expect(openings.contains { $0.file.contains(part) }, "\(part) is not among \(openings)")
        }
    }

    @Test(
        "Files are opened by threads that may wait for a disk, and by no other",
        .enabled(if: FileWitness.isPossible, "seeing who opens a file takes root"))
    func threads() async throws {
        let (root, models) = try rootWithModel()
        let daemon = try await DaemonProcess(root, models: [models])
        let spool = root.path + "/spool"
        let begin = RGBImage(width: 64, height: 64, pixels: [UInt8](repeating: 90, count: 64 * 64 * 3))
        try Data(WebP.encode(begin)).write(to: URL(fileURLWithPath: spool + "/images/in.webp"))
        let witness = try FileWitness(
            ["done", "failed", "images", "work", "work/tmp"].map { "\(spool)/\($0)" }
                + [root.path + "/etc", models + "/tiny/tokenizer"])
        let openings = try await witness.openings(by: daemon.processID) {
            let picture =
                #"{"prompt":"a","model":"tiny","steps":2,"init_image":"images/in.webp","output":{"name":"picture"}}"#
            try await daemon.watch(daemon.submit(picture))
            _ = try await daemon.call(PlanJob.self, PlanJob.Parameters(job: JSONValue(parsing: picture.utf8)))
            try root.drop("bad.json", #"{"prompt":"a","model":"none","id":"bad"}"#)
            #expect(await daemon.journal.line(with: "A job failed", "job.id=bad") != nil)
            daemon.signal(SIGHUP)
            #expect(await daemon.journal.line(with: "Reloaded the settings") != nil)
        }
        expect(openings, toHave: ["images/in.webp", "etc/latentd.yaml", "picture.webp", "bad.json", "vocab.json"])
        await daemon.stop()
    }

    @Test(
        "So it is from the start on, when a dead daemon left a job running and a file half taken in",
        .enabled(if: FileWitness.isPossible, "seeing who opens a file takes root"))
    func start() async throws {
        let (root, models) = try rootWithModel()
        let environment = ["LATENTD_MAX_CRASHES": "1"]
        let first = try await DaemonProcess(root, models: [models], environment: environment)
        let id = try await first.submit(
            #"{"prompt":"a","model":"tiny","steps":900,"id":"long","output":{"name":"long"}}"#)
        try await first.watch(id) { ($0.progress?.step ?? 0) > 0 }
        first.signal(SIGKILL)
        #expect(await first.end() == -SIGKILL)
        let spool = root.path + "/spool"
        try Data(quickJob("a", #","id":"taken""#).utf8).write(
            to: URL(fileURLWithPath: spool + "/work/00000000000001.taken.json"))
        let witness = try FileWitness(
            ["done", "failed", "work", "work/tmp"].map { "\(spool)/\($0)" } + [root.path + "/etc", models + "/tiny"])
        let openings = try await witness.openings {
            let second = try await DaemonProcess(root, models: [models], environment: environment)
            #expect(await second.journal.line(with: "Queued a job", "job.id=taken") != nil, "\(second.journal.text)")
            await second.stop()
        }
        expect(openings, toHave: ["long.json", "taken.json", "etc/latentd.yaml", "tiny/model_index.json"])
    }
}
