import Compute
import Foundation
import Models
import Synchronization
import Testing

/// A model of one linear layer and one convolution, and a cache folder.
final class PreparedModel {
    let path: String
    let cache: String
    private let folder: TemporaryFolder?
    let reports = Reports()

    /// What a store reported.
    final class Reports: Sendable {
        private let texts = Mutex<[String]>([])

        var all: [String] { texts.withLock { $0 } }
        func add(_ text: String) { texts.withLock { $0.append(text) } }
    }

    /// What was loaded, and what it computes.
    struct Loaded: Equatable {
        let results: [Float]
        let mappedBytes: Int
        let privateBytes: Int
    }

    /// - Parameter isComplete: with all the files that a diffusers folder has.
    init(cache: String? = nil, seed: UInt64 = 1, isComplete: Bool = false) throws {
        let folder = try TemporaryFolder()
        self.folder = folder
        path = "\(folder.path)/model"
        self.cache = cache ?? "\(folder.path)/cache/prepared"
        try folder.write("model/model_index.json", "{}".utf8)
        try FileManager.default.createDirectory(atPath: "\(path)/unet", withIntermediateDirectories: true)
        try write(seed: seed)
        guard isComplete else { return }
        for component in ["unet", "vae", "text_encoder"] {
            try folder.write("model/\(component)/config.json", "{}".utf8)
        }
        let empty = SafetensorsWriter()
        try empty.write(to: "\(path)/vae/diffusion_pytorch_model.safetensors")
        try empty.write(to: "\(path)/text_encoder/model.safetensors")
    }

    /// The model of another one.
    init(sharing path: String, cache: String) {
        folder = nil
        self.path = path
        self.cache = cache
    }

    /// Writes the checkpoint, in the usual way: by rename.
    func write(seed: UInt64) throws {
        var writer = SafetensorsWriter()
        writer.add("linear.weight", Self.values(96 * 64, seed: seed), shape: [96, 64])
        writer.add("linear.bias", Self.values(96, seed: seed + 1), shape: [96])
        writer.add("conv.weight", Self.values(80 * 64 * 9, seed: seed + 2), shape: [80, 64, 3, 3])
        try writer.write(to: "\(path)/unet/diffusion_pytorch_model.safetensors")
    }

    var store: PreparedStore { PreparedStore(directory: cache) { [reports] in reports.add($0) } }

    /// The names in the cache folder, but for those of marks.
    var files: [String] { names.filter { !$0.hasSuffix(".checked") } }

    /// The names of the marks in the cache folder.
    var marks: [String] { names.filter { $0.hasSuffix(".checked") } }

    private var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []).sorted() }

    /// All weights, handed out.
    func open(_ precision: WeightPrecision, store: PreparedStore?) throws -> Weights {
        var opened: Weights?
        _ = try load(precision, store: store) { opened = $0 }
        guard let opened else { throw CancellationError() }
        return opened
    }

    /// Loads all weights and computes with them, after `body` has seen them.
    func load(
        _ precision: WeightPrecision, store: PreparedStore?, threads: Int = 1, _ body: (Weights) -> Void = { _ in }
    ) throws -> Loaded {
        let pool = try ThreadPool(threads: threads)
        let preparation = Preparation(precision, rules: PrecisionRules([]), store: store, pool: pool)
        let weights = try Weights(ModelFolder(path: path), "unet", preparation)
        let linear = try weights["linear"].linear("weight", outputs: 96, inputs: 64)
        let bias = try weights["linear"].constant("bias", shape: [96])
        let filters = try weights["conv"].convolution("weight", outputs: 80, inputs: 64, size: 3, stride: 1)
        try weights.finish()
        body(weights)
        let context = try Context(arena: Arena(capacity: 64 << 20), pool: pool)
        let shape = Shape(n: 1, h: 5, w: 4, c: 64)
        let x = context.tensor(shape, Self.values(shape.count, seed: 9))
        let results =
            context.linear(x, linear, bias: bias).array()
            + context.convolution(x, filters, padding: Padding(all: 1)).array()
        return Loaded(results: results, mappedBytes: weights.mappedBytes, privateBytes: weights.preparedBytes)
    }

    /// Loads what was prepared until it is marked as checked: not in the tick of the clock in which it was written.
    func loadUntilMarked(_ precision: WeightPrecision) throws {
        for _ in 0..<1000 where marks.isEmpty { _ = try load(precision, store: store) }
        try #require(marks.count == 1)
    }

    /// Values between -2 and 2 that look random and are always the same.
    static func values(_ count: Int, seed: UInt64) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 30)
        }
    }
}

extension ModelForm {
    /// As a Stable Diffusion folder has it, without rules.
    static let test = ModelForm(
        components: [
            .init("text_encoder", stem: "model", keepsRows: true), .init("unet", stem: "diffusion_pytorch_model"),
            .init("vae", stem: "diffusion_pytorch_model"),
        ], tokenizers: ["tokenizer"], rules: PrecisionRules([]))
}

extension ModelFolder {
    init(path: String) throws(ModelError) { try self.init(path: path) { _ in .test } }
}
