import Foundation
import Models
import Testing

/// LoRAs against what diffusers and peft make of the same files.
struct GoldenLoRATests {
    @Test(
        "an import adds a LoRA to the weights as diffusers does, however it is spelled",
        arguments: GoldenIndex.shared?.loras ?? [])
    func merge(_ lora: GoldenIndex.LoRA) throws {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: output) }
        let source = try ModelFolder(path: GoldenIndex.model(lora.model))
        let file = "\(GoldenIndex.folder)/golden/loras/\(lora.name).safetensors"
        let result = try Importer(
            source,
            .init(
                output: output, name: "merged", precision: .fp32, rules: PrecisionRules([]),
                loras: ["\(file)=\(lora.scale)"],
                tool: "tests")
        ).run()

        let golden = try GoldenTensors("loras/\(lora.name).merged.safetensors")
        #expect(golden.names.count == lora.tensors)
        for component in ["text_encoder", "unet", "vae"] {
            let before = try source.checkpoint(component)
            let after = try TensorArchive(file: "\(result.path)/\(before.file.dropFirst(source.path.count + 1))")
            #expect(Set(after.names) == Set(before.names))
            defer { withExtendedLifetime((before, after)) {} }
            for (name, entry) in after.entries {
                guard golden.names.contains("\(component)/\(name)") else {
                    let same = try #require(before[name]).withBytes { Data($0) } == entry.withBytes { Data($0) }
                    #expect(same, "\(name)")
                    continue
                }
                let expected = try golden.floats("\(component)/\(name)")
                let values = entry.floats()
                #expect(entry.format == .f32 && values.count == expected.count)
                let largest = zip(values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
                #expect(largest < 2e-6, "\(name)")
            }
        }
    }
}
