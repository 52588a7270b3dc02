import Foundation
import Models
import Testing

/// LoRAs in the spellings of other programs and other times: the same numbers under other names give the same weights.
struct LoRASpellingTests {
    /// A LoRA of the fixtures under other names, or with other types.
    private struct Rewritten {
        struct Tensor {
            var name: String
            var type: String
            var shape: [Int]
            var bytes: Data
        }

        var tensors: [Tensor]

        init(_ name: String) throws {
            let file = try TensorArchive(file: "\(GoldenIndex.folder)/golden/loras/\(name).safetensors")
            tensors = file.entries.sorted { $0.key < $1.key }.map { name, entry in
                Tensor(name: name, type: entry.format.rawValue, shape: entry.shape, bytes: entry.withBytes { Data($0) })
            }
        }

        func write(to path: String) throws {
            var header: [String: Any] = [:], data = Data()
            for tensor in tensors {
                header[tensor.name] = [
                    "dtype": tensor.type, "shape": tensor.shape,
                    "data_offsets": [data.count, data.count + tensor.bytes.count],
                ]
                data += tensor.bytes
            }
            let text = try JSONSerialization.data(withJSONObject: header)
            let length = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
            try (length + text + data).write(to: URL(fileURLWithPath: path))
        }
    }

    /// Imports the tiny model with a LoRA at a scale, and compares all weights that it changes with the reference's.
    private func expectMerged(_ lora: Rewritten, as name: String, scale: Double) throws {
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: output) }
        let path = "\(output)/lora.safetensors"
        try lora.write(to: path)
        let source = try ModelFolder(path: GoldenIndex.model("sd1"))
        let result = try Importer(
            source,
            .init(
                output: output, name: "merged", precision: .fp32, rules: PrecisionRules([]),
                loras: ["\(path)=\(scale)"], tool: "tests")
        ).run()
        let golden = try GoldenTensors("loras/\(name).merged.safetensors")
        for name in golden.names {
            let component = name.prefix { $0 != "/" }, tensor = String(name.dropFirst(component.count + 1))
            let file = component == "unet" ? "unet/diffusion_pytorch_model" : "text_encoder/model"
            let after = try TensorArchive(file: "\(result.path)/\(file).safetensors")
            let values = try #require(after[tensor]).floats()
            let expected = try golden.floats(name)
            #expect(values.count == expected.count)
            #expect(zip(values, expected).reduce(0) { max($0, abs($1.0 - $1.1)) } < 2e-6, "\(name)")
        }
    }

    @Test(
        "the old names of diffusers, and those of peft and ComfyUI, give the same weights as today's",
        arguments: [
            "unet.", "", "base_model.model.unet.", "base_model.model.", "unet.base_model.model.", "diffusion_model.",
            "model.diffusion_model.",
        ], [false, true])
    func old(_ prefix: String, _ hasOldProcessors: Bool) throws {
        var lora = try Rewritten("peft")
        for index in lora.tensors.indices {
            var name = lora.tensors[index].name
            if hasOldProcessors {
                name = name.replacing(".lora_A.", with: ".lora.down.").replacing(".lora_B.", with: ".lora.up.")
                for (new, old) in [("to_q.lora", "to_q_lora"), ("to_out.0.lora", "to_out_lora")] {
                    name = name.replacing(".\(new).", with: ".processor.\(old).")
                }
                name = name.replacing(".q_proj.lora.", with: ".to_q_lora.")
                name = name.replacing(".fc1.lora.", with: ".fc1.lora_linear_layer.")
            } else if prefix.hasPrefix("base_model") {
                name = name.replacing(".lora_A.", with: ".lora_A.default.").replacing(
                    ".lora_B.", with: ".lora_B.default.")
            }
            if name.hasPrefix("unet.") {
                name = prefix + name.dropFirst(5)
            } else if !prefix.hasSuffix("unet."), !prefix.contains("diffusion_model") {
                name = name.replacing(
                    "text_encoder.", with: prefix == "" ? "text_model." : "base_model.model.text_model.")
            }
            lora.tensors[index].name = name
        }
        try expectMerged(lora, as: "peft", scale: 0.75)
    }

    /// The places of the layers that the fixture's LoRA changes, in the original code.
    private static let original = [
        "down_blocks_0_attentions_0": "input_blocks_1_1",
        "down_blocks_0_resnets_0_conv1": "input_blocks_1_0_in_layers_2",
        "down_blocks_0_resnets_0_time_emb_proj": "input_blocks_1_0_emb_layers_1",
        "mid_block_attentions_0": "middle_block_1",
        "up_blocks_0_resnets_0_conv_shortcut": "output_blocks_0_0_skip_connection",
    ]

    @Test(
        "kohya's names, with the blocks of diffusers or of the original code, give the same weights",
        arguments: ["lora_te_text_model_", "lora_te_", "lora_te1_text_model_", "lora_te1_"], [false, true])
    func kohya(_ prefix: String, _ isOriginal: Bool) throws {
        var lora = try Rewritten("kohya")
        for index in lora.tensors.indices {
            var name = lora.tensors[index].name.replacing("lora_te_text_model_", with: prefix)
            if isOriginal { for (new, old) in Self.original { name = name.replacing(new, with: old) } }
            #expect(!isOriginal || !name.contains("_blocks_0_re") && !name.contains("attentions"))
            lora.tensors[index].name = name
        }
        try expectMerged(lora, as: "kohya", scale: -0.5)
    }

    @Test(
        "an alpha of any type is the number that it says",
        arguments: ["I64", "I32", "I16", "I8", "U64", "U32", "U16", "U8", "F64", "F32", "F16", "BF16", "BOOL"],
        [[], [1]])
    func alpha(_ type: String, _ shape: [Int]) throws {
        // The fixture's alpha is 1.5 at a scale of -0.5.
        let (alpha, bytes): (Double, [UInt8]) =
            switch type {
            case "I64", "U64": (3, [3, 0, 0, 0, 0, 0, 0, 0])
            case "I32", "U32": (3, [3, 0, 0, 0])
            case "I16", "U16": (3, [3, 0])
            case "I8", "U8": (3, [3])
            case "BOOL": (1, [1])
            case "F64": (1.5, [0, 0, 0, 0, 0, 0, 0xF8, 0x3F])
            case "F32": (1.5, [0, 0, 0xC0, 0x3F])
            case "F16": (1.5, [0, 0x3E])
            default: (1.5, [0xC0, 0x3F])
            }
        var lora = try Rewritten("kohya")
        for index in lora.tensors.indices where lora.tensors[index].name.hasSuffix(".alpha") {
            let name = lora.tensors[index].name
            lora.tensors[index] = .init(name: name, type: type, shape: shape, bytes: Data(bytes))
        }
        try expectMerged(lora, as: "kohya", scale: -0.5 * 1.5 / alpha)
    }

    @Test("every layer of a UNet is found under the name that it had in the original code")
    func layers() throws {
        var old = [
            "conv_in": "input_blocks.0.0", "conv_out": "out.2", "time_embedding.linear_1": "time_embed.0",
            "time_embedding.linear_2": "time_embed.2", "mid_block.resnets.0": "middle_block.0",
            "mid_block.attentions.0": "middle_block.1", "mid_block.resnets.1": "middle_block.2",
        ]
        for (block, inputs) in [[1, 2], [4, 5], [7, 8], [10, 11]].enumerated() {
            for (layer, input) in inputs.enumerated() {
                old["down_blocks.\(block).resnets.\(layer)"] = "input_blocks.\(input).0"
                old["down_blocks.\(block).attentions.\(layer)"] = "input_blocks.\(input).1"
            }
            old["down_blocks.\(block).downsamplers.0.conv"] = "input_blocks.\(3 * block + 3).0.op"
            for layer in 0..<3 {
                old["up_blocks.\(block).resnets.\(layer)"] = "output_blocks.\(3 * block + layer).0"
                old["up_blocks.\(block).attentions.\(layer)"] = "output_blocks.\(3 * block + layer).1"
            }
            old["up_blocks.\(block).upsamplers.0.conv"] = "output_blocks.\(3 * block + 2).\(block == 0 ? 1 : 2).conv"
        }
        let inner = [
            "conv1": "in_layers.2", "conv2": "out_layers.3", "time_emb_proj": "emb_layers.1",
            "conv_shortcut": "skip_connection",
        ]
        let source = try ModelFolder(path: GoldenIndex.model("sd1"))
        let checkpoint = try source.checkpoint("unet")
        var named = SafetensorsWriter(), original = SafetensorsWriter(), count = 0
        for name in checkpoint.names.sorted() where name.hasSuffix(".weight") {
            guard let shape = checkpoint[name]?.shape, shape.count > 1 else { continue }
            let layer = String(name.dropLast(7))
            let place = try #require(
                old.keys.filter { layer == $0 || layer.hasPrefix("\($0).") }.max { $0.count < $1.count })
            let rest = String(layer.dropFirst(place.count + 1))
            let there =
                try #require(old[place])
                + (rest.isEmpty ? "" : ".\(place.contains("resnets") ? inner[rest] ?? "" : rest)")
            count += 1
            let values = (0..<shape[1...].reduce(1, *)).map { Float(($0 * 7 + count) % 11) - 5 }
            let up = (0..<shape[0]).map { Float(($0 * 3 + count) % 5) - 2 }
            named.add("unet.\(layer).lora_A.weight", values, shape: [1] + shape[1...])
            named.add("unet.\(layer).lora_B.weight", up, shape: [shape[0], 1] + shape[2...].map { _ in 1 })
            let folded = "lora_unet_\(there.replacing(".", with: "_"))"
            original.add("\(folded).lora_down.weight", values, shape: [1] + shape[1...])
            original.add("\(folded).lora_up.weight", up, shape: [shape[0], 1] + shape[2...].map { _ in 1 })
        }
        #expect(count > 200)
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: output) }
        var results: [Data] = []
        for (name, lora) in [("named", named), ("original", original)] {
            try lora.write(to: "\(output)/\(name).safetensors")
            let result = try Importer(
                source,
                .init(
                    output: output, name: name, precision: .fp32, rules: PrecisionRules([]),
                    loras: ["\(output)/\(name).safetensors"],
                    tool: "tests")
            ).run()
            results.append(
                try Data(contentsOf: URL(fileURLWithPath: "\(result.path)/unet/diffusion_pytorch_model.safetensors")))
        }
        #expect(results[0] == results[1])
        #expect(results[0] != (try Data(contentsOf: URL(fileURLWithPath: checkpoint.file))))
    }
}
