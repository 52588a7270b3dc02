import Foundation
import Images
import Jobs
import Planner
import Rendering
import Terms
import Testing

private func picture(width: Int, height: Int) -> RGBImage {
    let pixels = (0..<height).flatMap { y in
        (0..<width).flatMap { x -> [UInt8] in [UInt8(x * 255 / width), UInt8(y * 255 / height), UInt8((x * y) % 256)] }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
}

private func catFile(width: Int = 50, height: Int = 41) throws -> InitImageFile {
    let bytes = try WebP.encode(picture(width: width, height: height), compression: .lossless)
    return try InitImageFile(path: "images/cat.webp", bytes: bytes)
}

private func request(_ change: (inout JobRequest) -> Void = { _ in }) -> JobRequest {
    var request = JobRequest(prompt: "a red apple")
    request.model = "tiny"
    request.steps = 4
    request.initImage = "images/cat.webp"
    change(&request)
    return request
}

@Suite("Pictures that begin with a picture")
struct InitImageTests {
    private func render(_ request: JobRequest, _ file: InitImageFile, with renderer: Renderer) throws -> Rendered {
        let plan = try renderer.plan(request, initImage: file, now: now)
        return try renderer.render(request, initImage: file, seed: 7, plan: plan)
    }

    @Test("The result says what it began with, takes the picture's size and only the steps that are due")
    func result() throws {
        let file = try catFile()
        let rendered = try render(request { $0.strength = 0.5 }, file, with: renderer())
        let record = rendered.record
        #expect((record.picture.width, record.picture.height) == (48, 40))
        #expect(record.timings.stepSeconds.count == 2 && record.timings.initImageSeconds ?? 0 > 0)
        #expect(record.initImage?.sha256 == file.sha256 && record.initImage?.path == "images/cat.webp")
        #expect(record.initImage?.width == 50 && record.initImage?.strength == 0.5)
        #expect(record.job.initImage == "images/cat.webp" && record.job.strength == 0.5 && record.job.steps == 4)
        #expect(try JSONDecoder().decode(ResultRecord.self, from: Data(record.encoded())) == record)
        let metadata = try PictureMetadata(webp: rendered.webp)
        #expect(metadata.initImage == .init(sha256: file.sha256, strength: 0.5))
        #expect(
            ParametersLine(metadata).text.contains("Denoising strength: 0.5, Init image SHA-256: \(file.sha256)"))
        #expect(metadata.timings.map(\.stage) == ["load", "text", "init_image", "denoise", "decode", "encode"])
        let report = try PictureReport(webp: rendered.webp)
        #expect(report.table.contains("strength"))
        #expect(try report.json().contains("init_image_sha256"))
    }

    @Test("The job made from a result makes the same bits; another picture or strength makes others")
    func again() throws {
        let renderer = try renderer()
        let file = try catFile()
        let first = try render(request(), file, with: renderer)
        #expect(first.record.job.strength == 0.8)
        let again = try render(first.record.job, file, with: renderer)
        #expect(again.record.picture.bitstreamSHA256 == first.record.picture.bitstreamSHA256)
        let weaker = try render(request { $0.strength = 0.3 }, file, with: renderer)
        #expect(weaker.record.picture.bitstreamSHA256 != first.record.picture.bitstreamSHA256)
        let other = try catFile(width: 48, height: 40)
        let second = try render(request(), other, with: renderer)
        #expect(second.record.picture.bitstreamSHA256 != first.record.picture.bitstreamSHA256)
    }

    @Test("The encoder's weights are prepared in a file of their own, and only for a job that begins with a picture")
    func weights() throws {
        let cache = NSTemporaryDirectory() + "latentd-cache-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: cache) }
        func prepared() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: "\(cache)/prepared").filter { $0.contains("vae") }
        }
        let renderer = try renderer(cache: cache)
        let plain = request {
            $0.initImage = nil
            $0.width = 48
            $0.height = 40
        }
        let plan = try renderer.plan(plain, now: now)
        let before = try renderer.render(plain, seed: 7, plan: plan).record
        #expect(before.timings.initImageSeconds == nil && before.initImage == nil)
        #expect(try prepared().count == 1)
        _ = try render(request(), catFile(), with: renderer)
        #expect(try prepared().sorted().map { $0.prefix(12) } == ["tiny.vae-enc", "tiny.vae.fp3"])
        #expect(
            try renderer.render(plain, seed: 7, plan: plan).record.memory.plannedBytes == before.memory.plannedBytes)
    }

    @Test("A first such job is predicted from the decoder, a later one from what it took")
    func costs() throws {
        let renderer = try renderer()
        let file = try catFile()
        _ = try render(request(), file, with: renderer)
        let plan = try renderer.plan(request(), initImage: file, now: now)
        #expect(plan.prediction?.initImageSeconds ?? 0 > 0)
        #expect(try renderer.plan(request { $0.initImage = nil }, now: now).prediction?.initImageSeconds == nil)
    }

    @Test("The planner's count of steps is the engine's", arguments: Sampler.allCases)
    func steps(sampler: Sampler) throws {
        let renderer = try renderer()
        let file = try catFile(width: 16, height: 16)
        for strength in [0.26, 0.5, 0.99, 1] {
            let job = request {
                $0.sampler = sampler
                $0.strength = strength
            }
            let record = try render(job, file, with: renderer).record
            #expect(record.timings.stepSeconds.count == job.runningSteps(of: 4, sampler: sampler, runsRungeKutta: true))
        }
    }

    @Test("What cannot begin a picture is refused with the field")
    func refusals() throws {
        let bad = #expect(throws: RenderingError.self) {
            try InitImageFile(path: "images/x.png", bytes: Array("hello".utf8))
        }
        #expect(bad?.field == "init_image" && bad?.code == "init_image_unusable" && bad?.isTransient == false)
        #expect(bad?.description.contains("images/x.png") == true)

        let renderer = try renderer()
        var bytes = try WebP.encode(picture(width: 40, height: 40), compression: .lossless)
        for index in bytes.indices.dropFirst(60) { bytes[index] = 0xFF }
        let damaged = try InitImageFile(path: "images/y.webp", bytes: bytes)
        let error = #expect(throws: RenderingError.self) { try render(request(), damaged, with: renderer) }
        #expect(error?.field == "init_image")

        let none = #expect(throws: RenderingError.self) {
            try renderer.plan(request { $0.strength = 0.2 }, initImage: catFile(), now: now)
        }
        #expect(none?.field == "strength" && none?.code == "no_steps")
    }

    @Test("A picture whose decoding does not fit the memory limit is refused with the number")
    func memory() throws {
        let large = try WebP.encode(
            RGBImage(width: 4096, height: 4096, pixels: [UInt8](repeating: 9, count: 3 << 24)), compression: .lossless)
        let file = try InitImageFile(path: "images/large.webp", bytes: large)
        let small = request {
            $0.width = 48
            $0.height = 48
        }
        let renderer = try renderer(limit: 64 << 20)
        let error = #expect(throws: RenderingError.self) { try render(small, file, with: renderer) }
        #expect(error?.code == "memory_limit")
    }

    @Test("The job's own limit holds for the picture that it begins with")
    func jobsOwnMemory() throws {
        let large = try WebP.encode(
            RGBImage(width: 4096, height: 4096, pixels: [UInt8](repeating: 9, count: 3 << 24)), compression: .lossless)
        let file = try InitImageFile(path: "images/large.webp", bytes: large)
        let renderer = try renderer()
        let small = request {
            $0.width = 48
            $0.height = 48
            $0.maxMemory = 100 << 20
        }
        let plan = try renderer.plan(request(), initImage: catFile(), now: now)
        let error = #expect(throws: RenderingError.self) {
            try renderer.render(small, initImage: file, seed: 7, plan: plan)
        }
        #expect(error?.field == "max_memory" && error?.code == "memory_limit", "\(String(describing: error))")
    }

    private struct Stop: Error {}

    @Test("While a large picture is scaled the observer is told at every row, and what it throws ends the work")
    func scalingIsObserved() throws {
        let renderer = try renderer()
        let file = try catFile(width: 40, height: 4000)
        let small = request {
            $0.width = 48
            $0.height = 48
        }
        let plan = try renderer.plan(small, initImage: file, now: now)
        var calls = 0
        _ = try renderer.render(small, initImage: file, seed: 7, plan: plan) { _ in calls += 1 }
        #expect(calls > 4000)
        calls = 0
        let error = #expect(throws: RenderingError.self) {
            try renderer.render(small, initImage: file, seed: 7, plan: plan) { _ in
                calls += 1
                if calls == 1000 { throw Stop() }
            }
        }
        guard case .interrupted(is Stop)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(calls == 1000)
    }

    @Test("A picture is scaled once: planning looks at its header alone")
    func scaledOnce() throws {
        let renderer = try renderer()
        var bytes = try WebP.encode(picture(width: 40, height: 40), compression: .lossless)
        for index in bytes.indices.dropFirst(60) { bytes[index] = 0xFF }
        let damaged = try InitImageFile(path: "images/y.webp", bytes: bytes)
        let plan = try renderer.dryRun(request(), initImage: damaged, now: now)
        #expect((plan.width, plan.height) == (40, 40))
    }

    @Test("A photo that was taken sideways gives the sides that are seen", arguments: ["png", "webp", "jpg"])
    func turned(ending: String) throws {
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/golden/photos")
        func file(_ orientation: Int) throws -> InitImageFile {
            let url = golden.appendingPathComponent("turned-\(orientation).\(ending)")
            return try InitImageFile(path: "images/\(url.lastPathComponent)", bytes: Array(Data(contentsOf: url)))
        }
        #expect(try file(6).size == (13, 19) && file(3).size == (19, 13))
        let renderer = try renderer()
        let rendered = try render(request(), file(6), with: renderer)
        #expect((rendered.record.picture.width, rendered.record.picture.height) == (8, 16))
        #expect(rendered.record.initImage?.width == 13 && rendered.record.initImage?.height == 19)
    }
}
