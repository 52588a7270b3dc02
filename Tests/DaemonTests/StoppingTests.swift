import Foundation
import Glibc
import JSONText
import Jobs
import Testing
import Varlink

@Suite("What ends a job in the middle of a step", .timeLimit(.minutes(3)))
struct StoppingTests {
    /// One step of it takes minutes.
    private let hugeJob =
        #"{"prompt":"h","model":"sd1","width":4096,"height":4096,"steps":2,"id":"huge","precision":"fp32"}"#
    private let smallJob = #"{"prompt":"s","model":"sd1","width":64,"height":64,"steps":2,"seed":3,"id":"NAME"}"#

    private func isDenoising(_ update: JobProgress) -> Bool { update.progress?.stage == "denoising" }

    @Test(
        "A cancel and a stop take effect inside a step that takes minutes, and the jobs after it are what they would be"
    )
    func hugeStep() async throws {
        let root = try Root()
        let daemon = try await DaemonProcess(root)
        let before = try await daemon.submit(smallJob.replacingOccurrences(of: "NAME", with: "before"))
        #expect(try await daemon.watch(before).state == .succeeded)
        let huge = try await daemon.submit(hugeJob)
        try await daemon.watch(huge, until: isDenoising)
        _ = try await daemon.call(Cancel.self, JobReference(id: "huge"))
        #expect(try await daemon.watch(huge).state == .cancelled)
        let after = try await daemon.submit(smallJob.replacingOccurrences(of: "NAME", with: "after"))
        #expect(try await daemon.watch(after).state == .succeeded)
        let names = root.names("spool/done").filter { $0.hasSuffix(".json") }
        let digests = try names.map { try root.json("spool/done/\($0)")["picture"]?["bitstream_sha256"]?.string }
        #expect(digests.count == 2 && Set(digests).count == 1 && digests[0] != nil)

        _ = try await daemon.call(Retry.self, JobReference(id: "huge"))
        try await daemon.watch(huge, until: isDenoising)
        #expect(await daemon.stop() == 0)
        // By itself, not since the grace was over.
        #expect(await daemon.journal.line(with: "Gave a job back", "job.id=huge") != nil)
    }

    @Test("A model's file that is emptied under a job fails the job, and the daemon lives", arguments: ["vae", "unet"])
    func emptied(_ component: String) async throws {
        let root = try Root()
        let models = "\(root.path)/models", model = "\(models)/sd1"
        try FileManager.default.createDirectory(atPath: models, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(Executable.fixtureModels)/sd1", toPath: model)
        let file = "\(model)/\(component)/diffusion_pytorch_model.safetensors"
        let daemon = try await DaemonProcess(root, models: [models])
        let long = try await daemon.submit(
            #"{"prompt":"l","model":"sd1","width":256,"height":256,"steps":900,"id":"long","precision":"fp32"}"#)
        try await daemon.watch(long) { ($0.progress?.step ?? 0) > 0 }
        try #require(truncate(file, 0) == 0)
        // The fixture's weights are 16-bit floats: what is mapped is what was made of them.
        let prepared = root.names("cache/prepared").filter {
            $0.contains(".\(component).") && $0.hasSuffix(".safetensors")
        }
        for name in prepared { try #require(truncate("\(root.path)/cache/prepared/\(name)", 0) == 0) }
        let job = try await daemon.watch(long)
        #expect(job.state == .failed && job.failure?.code == "model_changed", "\(String(describing: job.failure))")
        #expect(job.failure?.message.contains("model changed") == true)
        #expect(daemon.isRunning)
        #expect(await daemon.stop() == 0)
    }
}
