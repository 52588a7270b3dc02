import Compute
import Foundation
import Models
import Testing

/// LoRAs at an import: what the manifest says of them, and files that do not belong to the model.
struct LoRATests {
    private static let linear = ("unet.linear.lora_A.weight", [2, 64], "unet.linear.lora_B.weight", [96, 2])

    private func importer(_ model: PreparedModel, _ precision: WeightPrecision, _ loras: [String], name: String) throws
        -> Importer
    {
        Importer(
            try ModelFolder(path: model.path),
            .init(
                output: "\(model.path)/..", name: name, precision: precision, rules: PrecisionRules([]), loras: loras,
                tool: "tests"))
    }

    private func write(_ tensors: [(String, [Int])], to path: String) throws {
        var writer = SafetensorsWriter()
        for (seed, (name, shape)) in tensors.enumerated() {
            writer.add(name, PreparedModel.values(shape.reduce(1, *), seed: UInt64(seed)), shape: shape)
        }
        try writer.write(to: path)
    }

    @Test("the manifest names every LoRA, and rounding comes after all of them", arguments: WeightPrecision.allCases)
    func manifest(_ precision: WeightPrecision) throws {
        let model = try PreparedModel(isComplete: true)
        let (first, second) = ("\(model.path)/../first.safetensors", "\(model.path)/../a=b.safetensors")
        try write([(Self.linear.0, Self.linear.1), (Self.linear.2, Self.linear.3)], to: first)
        try write(
            [("lora_unet_conv.lora_down.weight", [3, 64, 3, 3]), ("lora_unet_conv.lora_up.weight", [80, 3, 1, 1])],
            to: second)
        let loras = ["\(first)=0.5", second]
        let direct = try importer(model, precision, loras, name: "direct").run()

        // The same in two steps, the first of which rounds nothing.
        let wide = try importer(model, .fp32, [loras[0]], name: "wide").run()
        let wider = try importer(
            PreparedModel(sharing: wide.path, cache: model.cache), .fp32, [loras[1]], name: "wider"
        ).run()
        let stepped = try importer(
            PreparedModel(sharing: wider.path, cache: model.cache), precision, [], name: "stepped"
        ).run()
        let file = "unet/diffusion_pytorch_model.safetensors"
        #expect(FileManager.default.contentsEqual(atPath: "\(direct.path)/\(file)", andPath: "\(stepped.path)/\(file)"))
        #expect(!FileManager.default.contentsEqual(atPath: "\(wide.path)/\(file)", andPath: "\(wider.path)/\(file)"))

        func entry(_ name: String, _ path: String, _ scale: Double) throws -> JSON {
            let digest = try MappedFile(path).withBytes { SHA256.hexadecimal($0) }
            return .object(["name": .string(name), "scale": .number(scale), "sha256": .string(digest)])
        }
        let expected = [try entry("first.safetensors", first, 0.5), try entry("a=b.safetensors", second, 1)]
        for result in [direct, stepped] {
            guard case .array(let found)? = try Config(file: "\(result.path)/latentd.json").members["loras"] else {
                Issue.record("the manifest has no LoRAs")
                continue
            }
            #expect(zip(found, expected).allSatisfy { $0.fields == $1.fields } && found.count == expected.count)
        }
    }

    @Test(
        "a LoRA that does not belong to the model is refused with its file and the tensor",
        arguments: [
            ([("unet.linear.lora_A.weight", [2, 64])], "unet.linear.lora_A.weight", "lora_B"),
            ([("unet.linear.lora_B.weight", [96, 2])], "unet.linear.lora_B.weight", "lora_A"),
            ([("unet.linear.alpha", [1])], "unet.linear.alpha", "lora_A"),
            ([("unet.nose.lora_A.weight", [2, 64])], "unet.nose.lora_A.weight", "no such layer"),
            ([("vae.linear.lora_A.weight", [2, 64])], "vae.linear.lora_A.weight", "neither"),
            ([("unet.linear.lora_magnitude_vector", [96])], "unet.linear.lora_magnitude_vector", "neither"),
            ([("unet.linear.lora_magnitude_vector", [96])], "unet.linear.lora_magnitude_vector", "DoRA"),
            ([("lora_unet_linear.dora_scale", [96, 1])], "lora_unet_linear.dora_scale", "DoRA"),
            ([("lora_unet_conv.hada_w1_a", [3, 4])], "lora_unet_conv.hada_w1_a", "neither"),
            ([("lora_unet_conv.hada_w1_a", [3, 4])], "lora_unet_conv.hada_w1_a", "LoHa"),
            ([("lora_unet_conv.lokr_w1", [3, 4])], "lora_unet_conv.lokr_w1", "LoKr"),
            (
                [("lora_te2_text_model_linear.lora_down.weight", [3, 4])],
                "lora_te2_text_model_linear.lora_down.weight", "no text_encoder_2"
            ),
            ([(linear.0, [2, 32]), (linear.2, linear.3)], linear.0, "[2, 64]"),
            ([(linear.0, linear.1), (linear.2, [96, 3])], linear.2, "[96, 2]"),
            ([(linear.0, [0, 64]), (linear.2, [96, 0])], linear.0, "[0, 64]"),
            ([(linear.0, [2, 64, 3, 3]), (linear.2, linear.3)], linear.0, "[2, 64]"),
            (
                [("unet.conv.lora_A.weight", [2, 64, 1, 1]), ("unet.conv.lora_B.weight", [80, 2, 3, 3])],
                "unet.conv.lora_A.weight", "[2, 64, 3, 3]"
            ),
            (
                [(linear.0, linear.1), (linear.2, linear.3), ("unet.linear.alpha", [2])], "unet.linear.alpha",
                "one number"
            ),
            (
                [(linear.0, linear.1), (linear.2, linear.3), ("lora_unet_linear.lora_up.weight", [96, 2])],
                linear.2, "lora_unet_linear.lora_up.weight"
            ),
        ])
    func stranger(_ tensors: [(String, [Int])], _ name: String, _ word: String) throws {
        let model = try PreparedModel(isComplete: true)
        let path = "\(model.path)/../bad.safetensors"
        try write(tensors, to: path)
        let error = #expect(throws: ModelError.self) { try importer(model, .int8, [path], name: "bad").run() }
        let text = error?.description ?? ""
        #expect(text.contains(path) && text.contains("'\(name)'") && text.contains(word), "\(text)")
        #expect(!FileManager.default.fileExists(atPath: "\(model.path)/../bad"))
    }

    @Test("integers take no LoRA, and a file that is not there is named without its scale")
    func integers() throws {
        let model = try PreparedModel(isComplete: true)
        let path = "\(model.path)/../good.safetensors"
        try write([(Self.linear.0, Self.linear.1), (Self.linear.2, Self.linear.3)], to: path)
        let small = try importer(model, .int8, [], name: "small").run()
        let rounded = PreparedModel(sharing: small.path, cache: model.cache)
        let error = #expect(throws: ModelError.self) { try importer(rounded, .int8, [path], name: "bad").run() }
        #expect(
            error?.description.contains("'linear.weight'") == true && error?.description.contains("integers") == true)
        #expect(throws: ModelError.missing(anyOf: ["/nowhere/a=b"])) {
            try importer(model, .int8, ["/nowhere/a=b=-1.5"], name: "bad").run()
        }
    }
}

extension JSON {
    /// An object's fields as text; a whole number is the same however it is written.
    fileprivate var fields: [String: String] {
        guard case .object(let members) = self else { return [:] }
        return members.mapValues { value in
            switch value {
            case .integer(let integer): "\(Double(integer))"
            case .number(let number): "\(number)"
            case .string(let text): text
            default: value.kind
            }
        }
    }
}
