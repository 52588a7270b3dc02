import Compute
import Models
import Testing

/// What is written can be read, and weights come out by name, shape and type.
struct SafetensorsWriterTests {
    private func written(_ folder: TemporaryFolder) throws -> Weights {
        var writer = SafetensorsWriter()
        writer.metadata = ["made by": "\"tests\"\n"]
        writer.add("block.0.weight", [1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        writer.add("block.0.bias", [0.5, -0.5] as [Float], shape: [2])
        writer.add("ids", [7, -8] as [Int32], shape: [1, 2])
        try writer.write(to: "\(folder.path)/model.safetensors")
        return Weights(try TensorArchive(folder: folder.path, stem: "model"))
    }

    @Test("tensors and metadata survive")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        _ = try written(folder)
        let file = try TensorArchive(file: "\(folder.path)/model.safetensors")
        #expect(file.metadata == ["made by": "\"tests\"\n"])
        #expect(file.entries.mapValues(\.shape) == ["block.0.weight": [2, 3], "block.0.bias": [2], "ids": [1, 2]])
        #expect(try #require(file["ids"]).withBytes { $0.load(as: Int32.self) } == 7)
    }

    @Test("weights are views on the file, checked for shape")
    func weights() throws {
        let folder = try TemporaryFolder()
        let block = try written(folder)["block", 0]
        #expect(block.path == "block.0")
        #expect(Array(try block.constant("weight", shape: [2, 3]).floats) == [1, 2, 3, 4, 5, 6])
        #expect(block.preparedBytes == 0 && block.mappedBytes == 24)
        #expect(throws: ModelError.self) { try block.constant("weight", shape: [3, 2]) }
        #expect(throws: ModelError.self) { try block.constant("scale", shape: [2]) }
    }

    @Test("a tensor that nobody asked for is an error, unless it was named")
    func unused() throws {
        let folder = try TemporaryFolder()
        let weights = try written(folder)
        _ = try weights["block", 0].linear("weight", outputs: 2, inputs: 3)
        weights.ignore { $0 == "ids" }
        let error = #expect(throws: ModelError.self) { try weights.finish() }
        #expect(error?.description.contains("block.0.bias") == true)
        _ = try weights["block", 0].constant("bias", shape: [2])
        try weights.finish()
    }

    @Test("a file that cannot be written leaves nothing behind")
    func unwritable() throws {
        let folder = try TemporaryFolder()
        #expect(throws: ModelError.self) { try SafetensorsWriter().write(to: "\(folder.path)/none/x.safetensors") }
    }
}
