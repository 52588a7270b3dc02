import Compute
import Models
import Testing

/// A single file seen as the components of a model, under other names.
struct RenamedArchiveTests {
    private func checkpoint(_ folder: TemporaryFolder) throws -> TensorArchive {
        var writer = SafetensorsWriter()
        writer.metadata = ["modelspec.title": "tiny"]
        writer.add("model.diffusion_model.out.2.weight", [1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        writer.add("model.diffusion_model.out.2.bias", [7, 8] as [Float], shape: [2])
        writer.add("model.diffusion_model.steps", [9] as [Int32], shape: [1])
        writer.add("first_stage_model.decoder.conv_in.bias", [10] as [Float], shape: [1])
        let path = "\(folder.path)/checkpoint.safetensors"
        try writer.write(to: path)
        return try TensorArchive(file: path)
    }

    private func unet(_ archive: TensorArchive) throws -> TensorArchive {
        try archive.renamed(below: "model.diffusion_model.") { name in
            name.hasPrefix("out.2.") ? "conv_out.\(name.dropFirst(6))" : name == "steps" ? nil : String(name)
        }
    }

    @Test("a view has the tensors below its prefix, by their new names, and the same bytes")
    func views() throws {
        let folder = try TemporaryFolder(), archive = try checkpoint(folder)
        let unet = try unet(archive), vae = try archive.renamed(below: "first_stage_model.")
        #expect(unet.names.sorted() == ["conv_out.bias", "conv_out.weight"])
        #expect(Array(vae.names) == ["decoder.conv_in.bias"])
        #expect(unet.file == archive.file && unet.files == [archive.file] && unet.metadata == archive.metadata)
        #expect(archive.names.count == 4 && unet["out.2.bias"] == nil)
        let bias = try #require(unet["conv_out.bias"])
        #expect(bias.name == "model.diffusion_model.out.2.bias" && bias.shape == [2] && bias.format == .f32)
        #expect(bias.floats() == [7, 8])
        #expect(try vae.renamed { "x.\($0)" }["x.decoder.conv_in.bias"]?.count == 1)
    }

    @Test("weights come out of a view, and messages say what the file calls a tensor")
    func weights() throws {
        let folder = try TemporaryFolder(), archive = try checkpoint(folder)
        let weights = Weights(try unet(archive))
        let bias = try weights["conv_out"].constant("bias", shape: [2])
        #expect(Array(bias.floats) == [7, 8])
        let shape = #expect(throws: ModelError.self) {
            try weights["conv_out"].linear("weight", outputs: 3, inputs: 2)
        }
        #expect(shape?.description.contains("'model.diffusion_model.out.2.weight'") == true)
        let unused = Weights(try unet(archive))
        let error = #expect(throws: ModelError.self) { try unused.finish() }
        #expect(error?.description.contains("'model.diffusion_model.out.2.bias'") == true)
        _ = try weights["conv_out"].linear("weight", outputs: 2, inputs: 3)
        try weights.finish()
    }

    @Test("two tensors of one new name are refused, with the file's own names of both")
    func collision() throws {
        let folder = try TemporaryFolder(), archive = try checkpoint(folder)
        let error = #expect(throws: ModelError.self) {
            try archive.renamed(below: "model.diffusion_model.out.2.") { _ in "conv_out" }
        }
        for word in [archive.file, "'model.diffusion_model.out.2.bias'", "'model.diffusion_model.out.2.weight'"] {
            #expect(error?.description.contains(word) == true, "\(error?.description ?? "nothing")")
        }
    }
}
