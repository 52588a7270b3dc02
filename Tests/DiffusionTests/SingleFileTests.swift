import Diffusion
import Foundation
import Models
import Testing

/// A model in one file gives the picture of the folder that has the same weights.
@Suite(.serialized)
struct SingleFileTests {
    private static let folder = "\(GoldenIndex.folder)/single-files"

    @Test(
        "a folder of configurations with one file of weights draws what the folder with all weights draws",
        arguments: ["sd1", "xl"])
    func configurations(_ name: String) throws {
        let settings = GenerationSettings(
            prompt: "a red apple", negativePrompt: "blue", width: 48, height: 40, seed: 7, steps: 2, guidanceScale: 4,
            sampler: "euler")
        let pictures = try ["\(Self.folder)/\(name)", GoldenIndex.model(name)].map { path in
            try Pipeline(folder: ModelFolder(path: path), threads: 2).generate(settings).image
        }
        #expect(pictures[0] == pictures[1])
    }

    /// A file of a few tensors, each of zeros.
    private func write(_ shapes: [String: [Int]], to path: String) throws {
        var writer = SafetensorsWriter()
        for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
            writer.add(name, [Float](repeating: 0, count: shape.reduce(1, *)), shape: shape)
        }
        try writer.write(to: path)
    }

    private func refusal(_ path: String) throws -> String {
        let error = #expect(throws: ModelError.self) { try ModelFolder(path: path) }
        return try #require(error?.description)
    }

    private static let first = "model.diffusion_model.input_blocks.0.0.weight"
    private static let key = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"

    @Test("a file of no family is refused with some of its tensors")
    func strangers() throws {
        let folder = try ScratchFolder(), path = "\(folder.path)/other.safetensors"
        try write(["encoder.layer.0.weight": [2, 2], "lm_head.weight": [2, 2]], to: path)
        let text = try refusal(path)
        #expect(
            text.contains(path) && text.contains("'encoder.layer.0.weight'") && text.contains(Self.first), "\(text)")
        try write([Self.first: [4, 4, 3, 3]], to: path)
        #expect(try refusal(path).contains("attends to no text"))
        try write([Self.first: [4, 4, 3, 3], Self.key: [4, 999]], to: path)
        #expect(try refusal(path).contains("999 channels"))
    }

    @Test("what a file lacks is named, with the file that may lie beside it")
    func missing() throws {
        let folder = try ScratchFolder(), path = "\(folder.path)/unet.safetensors"
        try write([Self.first: [4, 4, 3, 3], Self.key: [4, 768]], to: path)
        var text = try refusal(path)
        #expect(text.contains("vae") && text.contains("\(folder.path)/unet.vae.safetensors"), "\(text)")
        try write(["decoder.conv_in.weight": [4, 4, 3, 3]], to: "\(folder.path)/unet.vae.safetensors")
        text = try refusal(path)
        #expect(text.contains("text_encoder") && text.contains("unet.text_encoder.safetensors"), "\(text)")
        #expect(ModelFolder.modelName(at: "\(folder.path)/unet.vae.safetensors") == nil)
        #expect(ModelFolder.modelName(at: path) == "unet")
    }

    @Test("a file at the top of a folder that has all its weights is not looked at")
    func stray() throws {
        let folder = try ScratchFolder(), path = "\(folder.path)/sd1"
        try FileManager.default.copyItem(atPath: GoldenIndex.model("sd1"), toPath: path)
        let digest = try ModelFolder(path: path).sha256()
        try write(["lora.weight": [2, 2]], to: "\(path)/style.safetensors")
        #expect(try ModelFolder(path: path).sha256() == digest)
    }

    @Test("a pickle is refused without being read")
    func pickle() throws {
        let folder = try ScratchFolder()
        for name in ["model.ckpt", "model.pt"] {
            let path = "\(folder.path)/\(name)"
            try Data([0x80, 2]).write(to: URL(fileURLWithPath: path))
            #expect(try refusal(path).contains("pickle"))
            #expect(ModelFolder.modelName(at: path) == "model")
        }
    }

    @Test("two tensors that mean the same are refused with both names")
    func twins() throws {
        let folder = try ScratchFolder()
        let files = FileManager.default
        try files.copyItem(atPath: "\(Self.folder)/sd1", toPath: "\(folder.path)/sd1")
        let path = "\(folder.path)/sd1/sd1.safetensors"
        let archive = try TensorArchive(file: path)
        var writer = SafetensorsWriter()
        for (name, entry) in archive.entries.sorted(by: { $0.key < $1.key }) where entry.format.elementType != nil {
            writer.add(name, entry.floats(), shape: entry.shape)
        }
        writer.add("first_stage_model.decoder.mid_block.resnets.0.norm1.weight", [0 as Float], shape: [1])
        try writer.write(to: path)
        let error = #expect(throws: DiffusionError.self) {
            try Pipeline(folder: ModelFolder(path: "\(folder.path)/sd1"), threads: 1).load()
        }
        let text = try #require(error?.description)
        #expect(text.contains("first_stage_model.decoder.mid.block_1.norm1.weight"), "\(text)")
        #expect(text.contains("first_stage_model.decoder.mid_block.resnets.0.norm1.weight"), "\(text)")
    }
}
