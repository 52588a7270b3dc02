import Foundation
import Glibc
import Images
import JSONText
import Testing
import Varlink

@Suite("The cooperative pool never blocks", .timeLimit(.minutes(2)))
struct FileThreadTests {
    @Test(
        "Files are opened by threads that may wait for a disk, and by no other",
        .enabled(if: FileWitness.isPossible, "seeing who opens a file takes root"))
    func threads() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let spool = root.path + "/spool"
        let begin = RGBImage(width: 64, height: 64, pixels: [UInt8](repeating: 90, count: 64 * 64 * 3))
        try Data(WebP.encode(begin)).write(to: URL(fileURLWithPath: spool + "/images/in.webp"))
        let settings = root.path + "/etc/latentd.yaml"
        try Data("log_level: info\n".utf8).write(to: URL(fileURLWithPath: settings))
        let witness = try FileWitness(
            ["done", "failed", "images", "work/tmp"].map { "\(spool)/\($0)" } + [root.path + "/etc"])
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
        let known = ["inference", "worker-disk", "control-disk", "intake", "reload"]
        let strangers = openings.filter { opening in
            !known.contains(opening.thread) && opening.thread.wholeMatch(of: /control-\d+/) == nil
        }
        #expect(strangers.isEmpty, "\(strangers)")
        for part in ["images/in.webp", "etc/latentd.yaml", "done.picture.webp", "bad.json"] {
            #expect(openings.contains { $0.file.contains(part) }, "\(part) is not among \(openings)")
        }
        await daemon.stop()
    }
}
