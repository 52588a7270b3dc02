import Compute
import Foundation
import Jobs
import Models
import Rendering
import Testing

@Suite("Models that change under a renderer, and jobs that are stopped", .serialized)
struct RendererChangesTests {
    private struct Asked: Error {}

    private let file = "tiny/vae/diffusion_pytorch_model.safetensors"

    private func renderer(_ directory: borrowing ModelDirectory, cache: String? = nil) throws -> Renderer {
        try Renderer(
            catalog: directory.catalog,
            options: .init(threads: 2, memoryLimit: { 4 << 30 }, cacheDirectory: cache, version: "1"))
    }

    /// Makes the decoder's weights floats, which are used where they lie, times `factor`.
    private func widen(_ path: String, times factor: Float = 1) throws {
        let stored = try TensorArchive(file: path)
        var writer = SafetensorsWriter()
        for (name, entry) in stored.entries.sorted(by: { $0.key < $1.key }) {
            guard entry.format.isReal else { continue }
            writer.add(name, entry.floats().map { $0 * factor }, shape: entry.shape)
        }
        try writer.write(to: path)
    }

    @Test("A file that is emptied under a job fails that job alone; what is there afterwards makes the next picture")
    func underJob() throws {
        let directory = try ModelDirectory(["tiny": "tiny"])
        let path = "\(directory.path)/\(file)"
        try widen(path)
        let renderer = try renderer(directory)
        let expected = try renderer.render(tinyJob())
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let plan = try renderer.plan(tinyJob(), now: now)
        let error = try #require(throws: RenderingError.self) {
            try renderer.render(tinyJob(), seed: 7, plan: plan) { progress in
                if progress.step == 1 { truncate(path, 0) }
            }
        }
        #expect(error.code == "model_changed" && error.failure.kind == .permanent)
        #expect(error.description.contains("model changed") && error.description.contains(path))

        // Now it is no model at all, and the queue hears why.
        let broken = try #require(throws: RenderingError.self) { try renderer.dryRun(tinyJob(), now: now) }
        #expect(broken.code == "model_unusable" && broken.description.contains(path))
        try bytes.write(to: URL(fileURLWithPath: path))
        renderer.use(directory.catalog)
        let again = try renderer.render(tinyJob())
        #expect(again.record.picture.bitstreamSHA256 == expected.record.picture.bitstreamSHA256)
        #expect(again.record.model.sha256 == expected.record.model.sha256)
    }

    @Test("A file that is overwritten between two jobs makes the second one's picture, under the new model's digest")
    func betweenJobs() throws {
        let directory = try ModelDirectory(["tiny": "tiny"]), cache = try ModelDirectory([:])
        let path = "\(directory.path)/\(file)"
        try widen(path)
        let renderer = try renderer(directory, cache: cache.path)
        let first = try renderer.render(tinyJob())
        // As many bytes, in the same file.
        let copy = "\(directory.path)/copy"
        try FileManager.default.copyItem(atPath: path, toPath: copy)
        try widen(copy, times: 0.5)
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.write(contentsOf: try Data(contentsOf: URL(fileURLWithPath: copy)))
        try handle.close()

        _ = try renderer.dryRun(tinyJob(), now: now)
        let second = try renderer.render(tinyJob())
        let fresh = try self.renderer(directory).render(tinyJob())
        #expect(second.record.model.sha256 == fresh.record.model.sha256)
        #expect(second.record.model.sha256 != first.record.model.sha256)
        #expect(second.record.picture.bitstreamSHA256 == fresh.record.picture.bitstreamSHA256)
        #expect(second.record.picture.bitstreamSHA256 != first.record.picture.bitstreamSHA256)
    }

    @Test("A raised flag ends a job from its planning to its last byte, with its reason, and disturbs no other")
    func stopping() throws {
        let directory = try ModelDirectory(["tiny": "tiny"]), cache = try ModelDirectory([:])
        let renderer = try renderer(directory, cache: cache.path)
        let expected = try self.renderer(directory).render(tinyJob()).record.picture.bitstreamSHA256
        func isAsked(_ body: () throws -> Void) -> Bool {
            do { try body() } catch RenderingError.interrupted(let reason) { return reason is Asked } catch {
                Issue.record("\(error)")
            }
            return false
        }
        let flag = StopFlag()
        flag.raise(Asked())
        renderer.stop = flag
        #expect(isAsked { _ = try renderer.dryRun(tinyJob(), now: now) })
        let plan = try renderer.plan(tinyJob(), now: now)
        for stage in [RenderingProgress.Stage.loading, .denoising, .decoding, .writing] {
            let flag = StopFlag()
            renderer.stop = flag
            #expect(
                isAsked {
                    _ = try renderer.render(tinyJob(), seed: 7, plan: plan) { progress in
                        if progress.stage == stage { flag.raise(Asked()) }
                    }
                }, "\(stage)")
        }
        renderer.stop = nil
        #expect(try renderer.render(tinyJob()).record.picture.bitstreamSHA256 == expected)
    }
}
