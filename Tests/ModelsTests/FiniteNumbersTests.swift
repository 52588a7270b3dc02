import Compute
import Foundation
import Models
import Testing

/// Numbers that are not finite are found wherever they stand, and are refused at an import.
struct FiniteNumbersTests {
    @Test(
        "one number that is not finite is found at every place, in every type", arguments: [1, 3, 31, 32, 33, 200_001])
    func places(count: Int) throws {
        let pool = try ThreadPool(threads: 2)
        let bad: [(ElementType, [UInt32])] = [
            (.float32, [0x7F80_0000, 0xFF80_0000, 0x7FC0_0000, 0xFFFF_FFFF, 0x7F80_0001]),
            (.float16, [0x7C00, 0xFC00, 0x7E00, 0xFFFF]), (.bfloat16, [0x7F80, 0xFF80, 0x7FC0, 0xFFFF]),
        ]
        let largest: [ElementType: UInt32] = [.float32: 0xFF7F_FFFF, .float16: 0xFBFF, .bfloat16: 0xFF7F]
        for (type, patterns) in bad {
            let good = try #require(largest[type])
            func isFinite(_ words: [UInt32]) -> Bool {
                if type == .float32 { return words.withUnsafeBytes { FiniteNumbers.fill($0, type, pool: pool) } }
                return words.map(UInt16.init).withUnsafeBytes { FiniteNumbers.fill($0, type, pool: pool) }
            }
            var words = [UInt32](repeating: good, count: count)
            #expect(isFinite(words))
            for place in Set([0, count / 2, count - 1]) {
                for pattern in patterns {
                    words[place] = pattern
                    #expect(!isFinite(words), "\(type) \(String(pattern, radix: 16)) at \(place) of \(count)")
                    words[place] = good
                }
            }
        }
        #expect(FiniteNumbers.fill([Float](repeating: -.greatestFiniteMagnitude, count: count)))
        #expect(!FiniteNumbers.fill([Float](repeating: 0, count: count - 1) + [.nan]))
    }

    @Test("what a precision cannot hold is refused for it, what it can is not")
    func room() {
        func fits(_ value: Float, _ precision: WeightPrecision) -> Bool {
            [value].withUnsafeBytes { FiniteNumbers.fill($0, .float32, roundedTo: precision) }
        }
        #expect(fits(.greatestFiniteMagnitude, .fp32) && fits(.greatestFiniteMagnitude, .int8))
        #expect(!fits(.greatestFiniteMagnitude, .bf16) && fits(3.389e38, .bf16))
        #expect(fits(458_527, .int4) && !fits(-458_528, .int4))
    }

    @Test("an import refuses them at every precision, with file and tensor", arguments: WeightPrecision.allCases)
    func importing(_ precision: WeightPrecision) throws {
        for tensor in ["linear.weight", "linear.bias", "conv.weight"] {
            let model = try PreparedModel(isComplete: true)
            let file = "\(model.path)/unet/diffusion_pytorch_model.safetensors"
            try poison(file, tensor, .infinity)
            let importer = Importer(
                try ModelFolder(path: model.path),
                .init(
                    output: "\(model.path)/..", name: "small", precision: precision, rules: PrecisionRules([]),
                    tool: "tests"))
            let text = #expect(throws: ModelError.self) { try importer.run() }?.description ?? ""
            #expect(text.contains(file) && text.contains("'\(tensor)'") && text.contains("not finite"), "\(text)")
            #expect(!FileManager.default.fileExists(atPath: "\(model.path)/../small"))
        }
    }

    @Test("an import refuses a LoRA with them, and one that overflows", arguments: [Float.nan, 3e38])
    func lora(_ value: Float) throws {
        let model = try PreparedModel(isComplete: true), lora = "\(model.path)/../lora.safetensors"
        var writer = SafetensorsWriter()
        writer.add("unet.linear.lora_A.weight", [Float](repeating: value, count: 128), shape: [2, 64])
        writer.add("unet.linear.lora_B.weight", [Float](repeating: 100, count: 192), shape: [96, 2])
        try writer.write(to: lora)
        let importer = Importer(
            try ModelFolder(path: model.path),
            .init(
                output: "\(model.path)/..", name: "small", precision: .int8, rules: PrecisionRules([]), loras: [lora],
                tool: "tests"))
        let text = #expect(throws: ModelError.self) { try importer.run() }?.description ?? ""
        #expect(text.contains("not finite") && text.contains(value.isNaN ? lora : "'linear.weight'"), "\(text)")
    }

    @Test(
        "integers whose scales are not finite are refused when they are loaded",
        arguments: [WeightPrecision.int8, .int4])
    func scales(_ precision: WeightPrecision) throws {
        let model = try PreparedModel(isComplete: true)
        let result = try Importer(
            try ModelFolder(path: model.path),
            .init(
                output: "\(model.path)/..", name: "small", precision: precision, rules: PrecisionRules([]),
                tool: "tests")
        ).run()
        try poison("\(result.path)/unet/diffusion_pytorch_model.safetensors", "conv.weight.scale", .nan)
        let small = PreparedModel(sharing: result.path, cache: model.cache)
        for loaded in WeightPrecision.allCases {
            let error = #expect(throws: ModelError.self) { try small.load(loaded, store: small.store) }
            #expect(error?.description.contains("'conv.weight.scale'") == true)
        }
    }

    /// Makes an element of a tensor a number that is not finite.
    private func poison(_ file: String, _ tensor: String, _ value: Float) throws {
        let entry = try #require(try TensorArchive(file: file)[tensor])
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.seek(toOffset: UInt64(entry.range.lowerBound + entry.format.byteCount * (entry.count / 2)))
        switch entry.format {
        case .f16: try handle.write(contentsOf: Data([0, 0x7E]))
        default: try handle.write(contentsOf: withUnsafeBytes(of: value) { Data($0) })
        }
        try handle.close()
    }
}
