import Models
import Testing

/// Checkpoints in several files, and tensors that do not fit the architecture.
struct BadShardTests {
    /// Two shards of one tensor each, `a` [4] and `b` [2, 2], and the index `weightMap`.
    private func shards(_ weightMap: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, shape) in [("a", "[4]"), ("b", "[2,2]")] {
            let header = "{\(BadSafetensors.tensor(name, shape, "0", "16"))}"
            try folder.write("\(name).safetensors", BadSafetensors.file(header: header, data: 16))
        }
        try folder.write("model.safetensors.index.json", "{\"weight_map\":\(weightMap)}".utf8)
        return folder
    }

    private func message(_ body: () throws -> Void) throws -> String {
        try #require(throws: ModelError.self, performing: body).description
    }

    @Test("an honest index opens")
    func goodIndex() throws {
        let folder = try shards(#"{"a":"a.safetensors","b":"b.safetensors"}"#)
        let checkpoint = try TensorArchive(folder: folder.path, stem: "model")
        #expect(checkpoint.names.sorted() == ["a", "b"])
        #expect(checkpoint["b"]?.shape == [2, 2])
    }

    @Test(
        "an index that lies names the tensor and the index",
        arguments: [
            (#"{"a":"b.safetensors","b":"a.safetensors"}"#, "weight_map"),
            (#"{"a":"a.safetensors"}"#, nil),
            (#"{"a":"a.safetensors","b":"b.safetensors","c":"b.safetensors"}"#, "weight_map.c"),
            (#"{"a":"a.safetensors","b":7}"#, "weight_map.b"),
            (#"{"a":"../a.safetensors","b":"b.safetensors"}"#, "weight_map.a"),
            (#"{"a":"/etc/passwd","b":"b.safetensors"}"#, "weight_map.a"),
            (#"{"a":"","b":"b.safetensors"}"#, "weight_map.a"),
            ("[]", "weight_map"),
        ] as [(String, String?)])
    func badIndex(_ weightMap: String, field: String?) throws {
        let folder = try shards(weightMap)
        guard let field else {
            // A shard that the index does not name is not part of the checkpoint.
            #expect(try TensorArchive(folder: folder.path, stem: "model").names.sorted() == ["a"])
            return
        }
        let message = try message { _ = try TensorArchive(folder: folder.path, stem: "model") }
        #expect(message.contains("\(folder.path)/model.safetensors.index.json"))
        #expect(message.contains(field))
    }

    @Test("an index that names a missing shard names the shard")
    func missingShard() throws {
        let folder = try shards(#"{"a":"a.safetensors","b":"b.safetensors","c":"c.safetensors"}"#)
        let message = try message { _ = try TensorArchive(folder: folder.path, stem: "model") }
        #expect(message.contains("\(folder.path)/c.safetensors"))
    }

    @Test("a tensor that is missing, of another shape or of another type is named with its file")
    func misfits() throws {
        let folder = try TemporaryFolder()
        let header = [
            BadSafetensors.tensor("block.0.weight", "[2,2]", "0", "16"),
            BadSafetensors.tensor("block.0.steps", "[4]", "16", "32", dtype: "\"I32\""),
        ].joined(separator: ",")
        let path = try folder.write("model.safetensors", BadSafetensors.file(header: "{\(header)}", data: 32))
        let weights = Weights(try TensorArchive(folder: folder.path, stem: "model"))["block", 0]

        let missing = try message { _ = try weights.constant("bias", shape: [2]) }
        #expect(missing.contains(path) && missing.contains("'block.0.bias'"))
        let shape = try message { _ = try weights.linear("weight", outputs: 2, inputs: 3) }
        #expect(shape.contains(path) && shape.contains("'block.0.weight'") && shape.contains("[2, 3]"))
        let type = try message { _ = try weights.constant("steps", shape: [4]) }
        #expect(type.contains(path) && type.contains("'block.0.steps'") && type.contains("I32"))
        let unused = try message { try weights.finish() }
        #expect(unused.contains(path) && unused.contains("block.0.steps"))
    }
}
