import Foundation
import Images
import JSONText
import Jobs
import Planner
import Rendering
import Terms
import Testing

@Suite("Renderer")
struct RendererTests {
    @Test("A job becomes a picture of its size that says how it was made")
    func picture() throws {
        let job = tinyJob {
            $0.width = 72
            $0.height = 64
            $0.sampler = "euler-a"
            $0.guidanceScale = 2.5
            $0.output.lossless = true
        }
        let rendered = try renderer().render(job, seed: .max)
        let image = try WebP.decode(rendered.webp)
        #expect((image.width, image.height) == (72, 64))
        #expect(Set(image.pixels).count > 8)
        let metadata = try PictureMetadata(webp: rendered.webp)
        #expect(metadata.prompt == "a red apple")
        #expect(metadata.negativePrompt == "blue")
        #expect(metadata.seed == .max)
        #expect(metadata.steps == 3)
        #expect(metadata.sampler == "euler-a")
        #expect(metadata.guidanceScale == 2.5)
        #expect(metadata.model == "tiny")
        #expect(metadata.modelSHA256 == rendered.record.model.sha256)
        #expect(metadata.modelSHA256.count == 64)
        #expect(metadata.isa == rendered.record.host.isa)
        #expect(metadata.version == "9.8.7")
        #expect(metadata.timings.map(\.stage) == ["load", "text", "denoise", "decode", "encode"])
    }

    @Test("A job made from a picture gives the same bitstream again", arguments: [true, false])
    func again(lossless: Bool) throws {
        let job = tinyJob { $0.output.lossless = lossless }
        let first = try renderer().render(job, seed: 123_456_789)
        let inspected = try PictureReport(webp: first.webp).job
        let copy = try JobRequest.decode(json: Array(inspected.utf8))
        #expect(copy == first.record.job)
        let second = try renderer().render(copy, seed: try #require(copy.seed))
        #expect(try WebP.bitstream(of: first.webp) == WebP.bitstream(of: second.webp))
        #expect(first.record.picture.bitstreamSHA256 == second.record.picture.bitstreamSHA256)
    }

    @Test("Threads, a warm pipeline and other jobs in between change no bit")
    func deterministic() throws {
        let warm = try renderer()
        let first = try warm.render(tinyJob()).record.picture.bitstreamSHA256
        let other = try warm.render(tinyJob(), seed: 8).record.picture.bitstreamSHA256
        _ = try warm.render(tinyJob { $0.model = "lcm" })
        #expect(first != other)
        #expect(try warm.render(tinyJob()).record.picture.bitstreamSHA256 == first)
        #expect(try renderer(threads: 3).render(tinyJob()).record.picture.bitstreamSHA256 == first)
    }

    @Test("Every sampler and both random sources of a job reach the engine", arguments: Sampler.allCases)
    func samplers(sampler: Sampler) throws {
        let renderer = try renderer()
        let digests = try RandomSourceName.allCases.map { rng in
            let record = try renderer.render(
                tinyJob {
                    $0.sampler = sampler
                    $0.rng = rng
                    // The least that PNDM takes with Runge-Kutta steps.
                    $0.steps = 4
                }
            ).record
            #expect(record.job.sampler == sampler)
            #expect(record.job.rng == rng)
            return record.picture.bitstreamSHA256
        }
        #expect(Set(digests).count == digests.count)
    }

    @Test("The record survives JSON, with the job's id at its top")
    func record() throws {
        var record = try renderer().render(tinyJob { $0.latencyBudget = .seconds(600) }).record
        record.id = JobID(rawValue: "apple-1")
        record.name = "apple"
        record.queue = .init(attempts: 1, createdAt: now, startedAt: now, finishedAt: now)
        let bytes = record.encoded()
        #expect(try JSONValue(parsing: bytes)["id"]?.string == "apple-1")
        #expect(try JSONDecoder().decode(ResultRecord.self, from: Data(bytes)) == record)
        #expect(record.metBudget == true)
        #expect(record.request.latencyBudget == .seconds(600))
        #expect(record.job.latencyBudget == nil)
        #expect(record.timings.stepSeconds.count == 3)
        #expect(record.memory.plannedBytes <= record.memory.limitBytes)
        #expect(record.memory.stages.map(\.planned.stage) == ["text_encoder", "unet", "decoder", "writing"])
        #expect(record.memory.stages.allSatisfy { $0.measuredBytes ?? 1 > 0 })
        #expect(record.memory.measuredBytes ?? 1 > 0)
    }

    @Test("Progress goes through the stages in order, never backwards, and ends near the whole")
    func progress() throws {
        let renderer = try renderer()
        _ = try renderer.render(tinyJob())
        var seen: [RenderingProgress] = []
        let plan = try renderer.plan(tinyJob(), now: now)
        _ = try renderer.render(tinyJob(), seed: 1, plan: plan) { seen.append($0) }
        let stages = seen.map { RenderingProgress.Stage.allCases.firstIndex(of: $0.stage) ?? -1 }
        #expect(stages == stages.sorted())
        #expect(Set(seen.map(\.stage)) == Set(RenderingProgress.Stage.allCases))
        #expect(seen.map(\.step) == seen.map(\.step).sorted())
        #expect(Set(seen.map(\.step)) == [0, 1, 2, 3])
        #expect(seen.allSatisfy { 0...1 ~= $0.fraction && $0.steps == 3 })
        #expect(seen.allSatisfy { ($0.remainingSeconds ?? -1) >= 0 })
        #expect(seen.count > 20)
    }

    private struct Stop: Error {}

    @Test("An observer that throws stops the picture with its own error, and the next picture is as ever")
    func interrupted() throws {
        let renderer = try renderer()
        let whole = try renderer.render(tinyJob()).record.picture.bitstreamSHA256
        let plan = try renderer.plan(tinyJob(), now: now)
        for stop in [RenderingProgress.Stage.loading, .denoising, .writing] {
            let error = #expect(throws: RenderingError.self) {
                try renderer.render(tinyJob(), seed: 7, plan: plan) { if $0.stage == stop { throw Stop() } }
            }
            guard case .interrupted(let reason)? = error, reason is Stop else {
                Issue.record("\(String(describing: error)) is no interruption")
                continue
            }
            #expect(error?.isTransient == true)
        }
        #expect(try renderer.render(tinyJob()).record.picture.bitstreamSHA256 == whole)
    }

    @Test("The intermediate tensors are written when they are asked for")
    func dump() throws {
        let directory = try ModelDirectory([:])
        let path = "\(directory.path)/dump.safetensors"
        let renderer = try renderer()
        _ = try renderer.render(tinyJob(), seed: 7, plan: try renderer.plan(tinyJob(), now: now), dump: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let header = String(decoding: bytes.prefix(4096), as: UTF8.self)
        for name in ["input_ids", "text_embeddings", "noise", "latents.1", "latents.3", "image"] {
            #expect(header.contains("\"\(name)\""))
        }
        let missing = "\(directory.path)/no/such/folder"
        #expect(throws: RenderingError.self) {
            try renderer.render(tinyJob(), seed: 7, plan: try renderer.plan(tinyJob(), now: now), dump: missing)
        }
    }
}
