import Compute
import Foundation
import Models
import Testing

/// GGUF files as archives: against the reference's numbers, and as weights.
struct GGUFTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/golden/gguf").path

    /// A tensor in each format, and the floats that the reference decodes them to.
    private func golden() throws -> (blocks: TensorArchive, floats: TensorArchive) {
        (
            try TensorArchive(file: "\(Self.folder)/blocks.gguf"),
            try TensorArchive(file: "\(Self.folder)/blocks.safetensors")
        )
    }

    @Test("every format is decoded to the reference's bits, in the reference's shape")
    func decoding() throws {
        let (blocks, floats) = try golden()
        #expect(Set(blocks.names) == Set(floats.names).union(["steps"]))
        var formats: Set<TensorFormat> = []
        for (name, expected) in floats.entries {
            let entry = try #require(blocks[name])
            formats.insert(entry.format)
            #expect(entry.shape == expected.shape && entry.count == expected.count, "\(name)")
            let bits = entry.floats().map(\.bitPattern)
            #expect(bits == expected.floats().map(\.bitPattern), "\(name)")
            #expect(name == "filters.weight" || name == "\(entry.format.rawValue.lowercased()).weight")
        }
        #expect(formats == Set(TensorFormat.allCases.filter { $0.isReal }))
        let steps = try #require(blocks["steps"])
        #expect(
            steps.format == .i32 && steps.shape == [7]
                && steps.withBytes { $0.load(fromByteOffset: 24, as: Int32.self) } == 6)
    }

    @Test("metadata is read as text, arrays are passed over, and version 2 is as good")
    func metadata() throws {
        let folder = try TemporaryFolder()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/blocks.gguf"))
        bytes[4] = 2
        let second = try TensorArchive(file: folder.write("second.gguf", bytes)), first = try golden().blocks
        for archive in [first, second] {
            let texts = archive.metadata
            #expect(texts["general.name"] == "Blöcke" && texts["general.architecture"] == "sd1")
            #expect(texts["test.float"] == "-0.5" && texts["test.bool"] == "true" && texts["test.small"] == "-128")
            #expect(texts["test.large"] == "18446744073709551615" && texts["test.words"] == nil)
        }
        #expect(second.entries.mapValues(\.range) == first.entries.mapValues(\.range))
    }

    @Test("blocks are laid out as the floats that they stand for are", arguments: WeightPrecision.allCases)
    func weights(_ precision: WeightPrecision) throws {
        let (blocks, floats) = try golden()
        let pool = try ThreadPool(threads: 2)
        let context = try Context(arena: Arena(capacity: 64 << 20), pool: pool)
        func results(_ archive: TensorArchive, _ name: String) throws -> [UInt32] {
            let weights = Weights(archive, precision: precision), shape = try #require(archive[name]).shape
            let x = PreparedModel.values(5 * 4 * shape[1], seed: 3)
            let result: Tensor
            if shape.count == 2 {
                let linear = try weights.linear(name, outputs: shape[0], inputs: shape[1])
                result = context.linear(context.tensor(Shape(batch: 1, tokens: 20, channels: shape[1]), x), linear)
            } else {
                let filters = try weights.convolution(
                    name, outputs: shape[0], inputs: shape[1], size: shape[2], stride: 1)
                result = context.convolution(
                    context.tensor(Shape(n: 1, h: 5, w: 4, c: shape[1]), x), filters, padding: Padding(all: 1))
            }
            return result.array().map(\.bitPattern)
        }
        for (name, entry) in blocks.entries.sorted(by: { $0.key < $1.key }) where entry.format.blocks != nil {
            // What is too large for 4-bit integers is refused, whoever stores it.
            guard precision != .int4 || entry.floats().allSatisfy({ abs($0) < 458_528 }) else {
                let error = #expect(throws: ModelError.self) { try results(blocks, name) }
                #expect(error?.description.contains("'\(name)'") == true)
                continue
            }
            #expect(try results(blocks, name) == results(floats, name), "\(name)")
        }
    }

    @Test("vectors and tables come out of blocks, tables without being decoded")
    func others() throws {
        let (blocks, floats) = try golden()
        let context = try Context(arena: Arena(capacity: 1 << 20), pool: ThreadPool(threads: 1))
        let weights = Weights(blocks)
        let expected = try #require(floats["q5_1.weight"]).floats()
        let constant = try weights.constant("q5_1.weight", shape: [4, 512])
        withExtendedLifetime(constant) { #expect(Array(constant.floats) == expected) }
        let before = weights.preparedBytes
        let table = try weights.table("q6_k.weight", rows: 4, columns: 512)
        #expect(weights.preparedBytes == before && weights.mappedBytes >= 4 * 2 * 210)
        let rows = context.rows([3, 0], of: table).array(), all = try #require(floats["q6_k.weight"]).floats()
        #expect(rows == Array(all[3 * 512..<4 * 512]) + Array(all[..<512]))
        weights.ignore { _ in true }
        try weights.finish()
    }

    @Test("a block whose scale is not finite is refused, with file and tensor")
    func notFinite() throws {
        let folder = try TemporaryFolder(), place = try #require(golden().blocks["q8_0.weight"]).range
        var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/blocks.gguf"))
        bytes.replaceSubrange(place.lowerBound + 34..<place.lowerBound + 36, with: [0x00, 0x7C])
        let path = try folder.write("damaged.gguf", bytes)
        for precision in [nil, WeightPrecision.int8] {
            let weights = Weights(try TensorArchive(file: path), precision: precision)
            let error = #expect(throws: ModelError.self) {
                try weights.linear("q8_0.weight", outputs: 4, inputs: 512)
            }
            let text = error?.description ?? ""
            #expect(text.contains(path) && text.contains("'q8_0.weight'") && text.contains("not finite"), "\(text)")
        }
    }
}
