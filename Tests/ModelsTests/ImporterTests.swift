import Compute
import Foundation
import Models
import Testing

/// An import writes what any safetensors reader reads, and what gives the same panels as the original.
struct ImporterTests {
    private static let rules = PrecisionRules([
        PrecisionRules.Rule(component: "unet", tensors: "linear.*", at: [.int4], precision: .int8)
    ])

    private func importer(
        _ model: PreparedModel, _ precision: WeightPrecision, rules: PrecisionRules = PrecisionRules([]),
        replaces: Bool = false
    ) throws -> Importer {
        Importer(
            try ModelFolder(path: model.path),
            .init(
                output: "\(model.path)/..", name: "small", precision: precision, rules: rules, replaces: replaces,
                tool: "tests"), pool: try ThreadPool(threads: 2))
    }

    @Test("an imported model computes the same bits as one that is quantized when it is loaded")
    func exactness() throws {
        for precision in WeightPrecision.allCases {
            let model = try PreparedModel(isComplete: true)
            let expected = try model.load(precision, store: nil).results
            let result = try importer(model, precision).run()
            let small = PreparedModel(sharing: result.path, cache: model.cache)
            for store in [nil, small.store] {
                let results = try small.load(precision, store: store).results
                // Winograd's filters are made from what the file has, and bfloat16 has less than the original.
                let tolerance: Float = precision == .bf16 ? 2e-2 : 0
                let largest = expected.reduce(0) { max($0, abs($1)) }
                #expect(zip(results, expected).allSatisfy { abs($0 - $1) <= tolerance * largest }, "\(precision)")
            }
        }
    }

    @Test("integers and scales lie where the format says")
    func layout() throws {
        let model = try PreparedModel(isComplete: true)
        let result = try importer(model, .int4, rules: Self.rules).run()
        let file = try TensorArchive(file: "\(result.path)/unet/diffusion_pytorch_model.safetensors")
        let found = file.entries.mapValues { "\($0.format.rawValue) \($0.shape)" }
        #expect(
            found == [
                "linear.weight": "I8 [96, 64]", "linear.weight.scale": "F32 [96]", "linear.bias": "F32 [96]",
                "conv.weight": "U8 [80, 32, 3, 3]", "conv.weight.scale": "F16 [80, 9, 2]",
            ])
        let manifest = try Config(file: "\(result.path)/latentd.json")
        #expect(try manifest.strings("precisions") == ["int4"])
        let quantization = try manifest.object("quantization")
        #expect(try quantization.object("source").string("sha256") == ModelFolder(path: model.path).sha256())
        #expect(try ModelFolder(path: result.path).precisionRules() == Self.rules)
        let unet = try quantization.object("components").object("unet")
        #expect(try unet.string("precision") == "int4")
        #expect(try unet.object("exceptions").members == ["linear.weight": .string("int8")])
        // 4 bits: what is read back is at most half a step away.
        let entry = try #require(file["conv.weight"])
        let byte = entry.withBytes { $0[5] }
        let low = Int8(bitPattern: byte << 4) >> 4, high = Int8(bitPattern: byte) >> 4
        #expect((-7...7).contains(low) && (-7...7).contains(high))
    }

    @Test("a folder of that name is replaced only when that is asked for")
    func replacing() throws {
        let model = try PreparedModel(isComplete: true)
        _ = try importer(model, .int8).run()
        let error = #expect(throws: ModelError.self) { try importer(model, .int4).run() }
        #expect(error?.description.contains("small exists") == true)
        _ = try importer(model, .int4, replaces: true).run()
        #expect(try Config(file: "\(model.path)/../small/latentd.json").strings("precisions") == ["int4"])
        let left = try FileManager.default.contentsOfDirectory(atPath: "\(model.path)/..")
        #expect(left.filter { $0.hasPrefix(".") } == [])
    }

    @Test("what a killed import left is no model, and does not disturb the next")
    func leftovers() throws {
        let model = try PreparedModel(isComplete: true)
        let left = "\(model.path)/../.small.importing/unet"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
        try Data([1]).write(to: URL(fileURLWithPath: "\(left)/diffusion_pytorch_model.safetensors"))
        // Where it died between its two renames.
        let aside = "\(model.path)/../.small.replaced"
        try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
        _ = try importer(model, .int8).run()
        let found = try FileManager.default.contentsOfDirectory(atPath: "\(model.path)/..")
        #expect(found.contains("small") && found.allSatisfy { !$0.hasPrefix(".small") }, "\(found)")
    }

    @Test("a folder that a newer version quantized is refused, with the file and the field")
    func newer() throws {
        let model = try PreparedModel(isComplete: true)
        let result = try importer(model, .int8).run()
        let file = "\(result.path)/latentd.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let newer = text.replacingOccurrences(
            of: "\"quantization\": {\n    \"components\"",
            with: "\"quantization\": {\n    \"format\": 7, \"components\""
        )
        .replacingOccurrences(of: "\"format\": 1,\n    \"precision\"", with: "\"precision\"")
        try newer.write(toFile: file, atomically: true, encoding: .utf8)
        let error = #expect(throws: ModelError.self) { try ModelFolder(path: result.path).precisionRules() }
        #expect(error?.description.contains(file) == true && error?.description.contains("quantization.format") == true)
        #expect(error?.description.contains("newer") == true)
    }

    @Test(
        "wrong rules name the file and the field",
        arguments: [
            (#"{"rules": 1}"#, "'rules'"), (#"{"rules": [], "rule": []}"#, "'rule'"),
            (#"{"rules": [{"component": "unet", "tensors": "*", "precision": "int7"}]}"#, "'rules[0].precision'"),
            (#"{"rules": [{"component": "nose", "tensors": "*", "precision": "int8"}]}"#, "'rules[0].component'"),
            (#"{"rules": [{"component": "vae", "precision": "int8"}]}"#, "'rules[0].tensors'"),
            (#"{"rules": [{"component": "vae", "tensors": "*", "at": ["x"], "precision": "int8"}]}"#, "'rules[0].at'"),
            (#"{"rules": [{"component": "vae", "tensor": "*", "precision": "int8"}]}"#, "'rules[0].tensor'"),
        ])
    func badRules(_ text: String, _ field: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("rules.json", text.utf8)
        let error = #expect(throws: ModelError.self) { try PrecisionRules(file: path, for: .test) }
        #expect(
            error?.description.contains(path) == true && error?.description.contains(field) == true,
            "\(String(describing: error))")
    }

    @Test("the first rule that fits decides, and none makes a tensor narrower")
    func rules() throws {
        let rules = PrecisionRules([
            .init(component: "unet", tensors: "down.*.proj", at: [.int4], precision: .bf16),
            .init(component: "unet", tensors: "down*", precision: .int8),
        ])
        #expect(rules.precision(of: "down.0.proj", in: "unet", at: .int4) == .bf16)
        #expect(rules.precision(of: "down.0.proj", in: "unet", at: .int8) == .int8)
        #expect(rules.precision(of: "down.0.projection", in: "unet", at: .int4) == .int8)
        #expect(rules.precision(of: "down.0", in: "unet", at: .fp32) == .fp32)
        #expect(rules.precision(of: "down.0", in: "vae", at: .int4) == .int4)
        #expect(rules.precision(of: "up.down", in: "unet", at: .int4) == .int4)
    }

    @Test(
        "what dead imports left is removed by the next one of any name, what they put aside is given back, and living ones are left alone"
    )
    func deadImports() throws {
        let model = try PreparedModel(isComplete: true)
        let output = "\(model.path)/..", files = FileManager.default
        for folder in [
            ".dead.importing/unet", ".alive.importing", ".alive.replaced", ".lost.replaced", ".old.replaced", "old",
        ] {
            try files.createDirectory(atPath: "\(output)/\(folder)", withIntermediateDirectories: true)
            #expect(files.createFile(atPath: "\(output)/\(folder)/file", contents: Data("\(folder)".utf8)))
        }
        let alive = open("\(output)/.alive.importing", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { close(alive) }
        #expect(flock(alive, LOCK_EX | LOCK_NB) == 0)
        _ = try importer(model, .int8).run()
        let left = try files.contentsOfDirectory(atPath: output).filter { $0.contains("e") || $0.contains("o") }
            .sorted()
        #expect(Set(left).isSuperset(of: [".alive.importing", ".alive.replaced", "lost", "old"]), "\(left)")
        for gone in [".dead.importing", ".lost.replaced", ".old.replaced", ".small.importing"] {
            #expect(!left.contains(gone), "\(left)")
        }
        #expect(files.contents(atPath: "\(output)/lost/file") == Data(".lost.replaced".utf8))
        #expect(files.contents(atPath: "\(output)/old/file") == Data("old".utf8))
    }
}
