import Foundation
import Rendering
import Testing

/// A directory of model folders, copied from the fixtures, gone with the test.
struct ModelDirectory: ~Copyable {
    let path = NSTemporaryDirectory() + "latentd-models-\(UUID().uuidString)"

    /// `models` maps the names here to the fixtures' names.
    init(_ models: [String: String]) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, fixture) in models {
            try FileManager.default.copyItem(atPath: "\(fixtureModels)/\(fixture)", toPath: "\(path)/\(name)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to file: String) throws {
        try text.write(toFile: "\(path)/\(file)", atomically: false, encoding: .utf8)
    }

    var catalog: ModelCatalog { ModelCatalog(directories: [path]) }
}

/// Six tiny diffusers folders with random weights.
let fixtureModels = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/models").path

/// A manifest that the fixture `tiny` could have.
let tinyManifest = """
    {"format": 1, "name": "tiny", "title": "Tiny", "licence": "MIT", "quality": 90, "group": "fixtures",
     "default": {"width": 64, "height": 64, "steps": 8, "guidance_scale": 3, "sampler": "euler"},
     "steps": [8, 2, 4], "precisions": ["int8", "fp32", "fp7"], "sizes": {"minimum": 16, "maximum": 128, "multiple": 16},
     "measured_quality": [{"precision": "fp32", "steps": 4, "quality": 80}],
     "measured_error": [{"precision": "int8", "psnr": 36.5, "least_psnr": 30}], "a field of a later version": true}
    """
