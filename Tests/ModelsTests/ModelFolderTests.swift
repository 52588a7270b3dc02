import Models
import Testing

/// A folder's name, parts and digest.
struct ModelFolderTests {
    private func folder(_ temporary: TemporaryFolder) throws -> ModelFolder {
        var writer = SafetensorsWriter()
        writer.add("a", [1] as [Float], shape: [1])
        for (component, stem) in [
            ("text_encoder", "model"), ("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model.fp16"),
        ] {
            try temporary.write("\(component)/config.json", Array("{}".utf8))
            try temporary.write("\(component)/\(stem).safetensors", writer.bytes())
        }
        try temporary.write("model_index.json", Array(#"{"unet": ["diffusers", "UNet2DConditionModel"]}"#.utf8))
        return try ModelFolder(path: temporary.path + "//")
    }

    @Test("the files are found, the variant too, and the digest is that of sha256sum's list")
    func digest() throws {
        let temporary = try TemporaryFolder()
        let folder = try folder(temporary)
        #expect(folder.path == temporary.path)
        #expect(try folder.componentClass("unet") == "UNet2DConditionModel")
        let files = try folder.files()
        #expect(
            files == [
                "model_index.json", "text_encoder/config.json", "text_encoder/model.safetensors", "unet/config.json",
                "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
                "vae/diffusion_pytorch_model.fp16.safetensors",
            ])
        let list = try files.map { name in
            "\(try MappedFile("\(folder.path)/\(name)").withBytes { SHA256.hexadecimal($0) })  \(name)\n"
        }
        let expected = Array(list.joined().utf8).withUnsafeBytes { SHA256.hexadecimal($0) }
        #expect(try folder.sha256() == expected)
    }

    @Test("the digest tells of any change, and is computed once")
    func change() throws {
        let temporary = try TemporaryFolder()
        let first = try folder(temporary)
        let digest = try first.sha256()
        try temporary.write("unet/config.json", Array("{ }".utf8))
        #expect(try first.sha256() == digest)
        #expect(try ModelFolder(path: temporary.path).sha256() != digest)
    }
}
