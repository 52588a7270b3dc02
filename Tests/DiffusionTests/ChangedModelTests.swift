import Compute
import Diffusion
import Foundation
import Glibc
import Models
import Testing

/// A model's file that is written in place under a picture ends that picture, and nothing else.
@Suite(.serialized)
struct ChangedModelTests {
    private let settings = GenerationSettings(
        prompt: "a red apple", negativePrompt: "blue", width: 64, height: 64, seed: 5, steps: 3, guidanceScale: 4,
        sampler: "euler")

    private func pipeline(_ model: FloatModel, _ precision: WeightPrecision, cache: String?) throws -> Pipeline {
        try Pipeline(
            folder: ModelFolder(path: model.path), precision: precision,
            store: cache.map { PreparedStore(directory: $0) }, threads: 2)
    }

    /// What others do to a file that is in use.
    enum Writing: CaseIterable, Sendable {
        case empties, shortens, overwrites, keepsDate

        func apply(to path: String) throws {
            var status = stat()
            try #require(stat(path, &status) == 0)
            switch self {
            case .empties: try #require(truncate(path, 0) == 0)
            case .shortens: try #require(truncate(path, status.st_size / 2) == 0)
            case .overwrites, .keepsDate:
                let file = try #require(FileHandle(forWritingAtPath: path))
                try file.seek(toOffset: UInt64(status.st_size / 2))
                try file.write(contentsOf: Data(repeating: 0, count: Int(status.st_size) / 2))
                try file.close()
            }
            guard self == .keepsDate else { return }
            var times = [status.st_atim, status.st_mtim]
            try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
        }
    }

    @Test(
        "whatever is done to a file in use, the picture fails with its name, and the next one of the restored model is right",
        arguments: ["text_encoder", "unet", "vae"], Writing.allCases)
    func inUse(_ component: String, _ writing: Writing) throws {
        for (precision, isCached) in [(WeightPrecision.fp32, true), (.fp32, false), (.int8, true)] {
            let folder = try ScratchFolder()
            let model = try FloatModel("sd1", in: folder.path), file = model.file(component)
            let cache = isCached ? "\(folder.path)/cache" : nil
            let first = try pipeline(model, precision, cache: cache)
            let expected = try first.generate(settings).image
            let copy = try Data(contentsOf: URL(fileURLWithPath: file))
            var steps = 0
            let error = #expect(throws: DiffusionError.self) {
                try first.generate(settings) { progress in
                    if case .step(1, _, _) = progress { try writing.apply(to: file) }
                    if case .step = progress { steps += 1 }
                }
            }
            guard case .model(.changed(let name))? = error else {
                Issue.record("\(precision): \(String(describing: error))")
                continue
            }
            #expect(name == file && first.changedFile == file)
            #expect(error?.description.contains("model changed") == true && error?.isTransient == false)
            try copy.write(to: URL(fileURLWithPath: file))
            #expect(try pipeline(model, precision, cache: cache).generate(settings).image == expected)
        }
    }

    @Test("prepared weights that are shortened end the picture, and are made anew", arguments: [0, 20_000])
    func prepared(bytes: Int) throws {
        let folder = try ScratchFolder()
        let model = try FloatModel("sd1", in: folder.path), cache = "\(folder.path)/cache"
        let first = try pipeline(model, .int8, cache: cache)
        let expected = try first.generate(settings).image
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: cache).first {
                $0.contains(".unet.") && $0.hasSuffix(".safetensors")
            })
        let error = #expect(throws: DiffusionError.self) {
            try first.generate(settings) { progress in
                if case .step(1, _, _) = progress { truncate("\(cache)/\(name)", bytes) }
            }
        }
        guard case .model(.changed(let file))? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(file == "\(cache)/\(name)")
        #expect(try pipeline(model, .int8, cache: cache).generate(settings).image == expected)
    }

    @Test("a model whose files are replaced by rename goes on as it was")
    func replaced() throws {
        let folder = try ScratchFolder()
        let model = try FloatModel("sd1", in: folder.path), file = model.file("unet")
        let first = try pipeline(model, .fp32, cache: "\(folder.path)/cache")
        let expected = try first.generate(settings).image
        let image = try first.generate(settings) { progress in
            guard case .step(1, _, _) = progress else { return }
            try Data(repeating: 0, count: 100).write(to: URL(fileURLWithPath: "\(file).new"))
            try #require(rename("\(file).new", file) == 0)
            try #require(chmod(model.file("vae"), 0o600) == 0)
        }.image
        #expect(image == expected && first.changedFile == nil)
    }
}
