import Models
import Testing

/// What is wrong with a model's files is said in one sentence that names the file and the field or tensor; nothing traps.
struct BadModelTests {
    @Test("a safetensors file that lies is refused", arguments: BadSafetensors.all)
    func badSafetensors(_ bad: BadSafetensors) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("bad.safetensors", bad.bytes)
        let error = try #require(throws: ModelError.self) { try TensorArchive(file: path) }
        expect(error, mentions: [path] + bad.mentions)
    }

    @Test("a GGUF file that lies is refused", arguments: BadGGUF.all)
    func badGGUF(_ bad: BadGGUF) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("bad.gguf", bad.bytes)
        let error = try #require(throws: ModelError.self) { try TensorArchive(file: path) }
        expect(error, mentions: [path] + bad.mentions)
    }

    @Test(
        "a good GGUF file cut at any byte is refused, and one changed at any byte describes the file's own bytes at the most"
    )
    func damagedGGUF() throws {
        var file = GGUFBytes()
        file.pairs = [
            GGUFBytes.pair("general.alignment", 4, GGUFBytes.number(UInt32(32))),
            GGUFBytes.pair("k", 9, GGUFBytes.array(8, count: 1, GGUFBytes.string("v"))),
        ]
        file.tensors.append(GGUFBytes.Tensor(name: [98], extents: [32], type: 8, offset: 256))
        file.data = 256 + 34
        let good = file.bytes, folder = try TemporaryFolder()
        let whole = try TensorArchive(file: folder.write("whole.gguf", good))
        #expect(whole["a"]?.shape == [2, 32] && whole["b"]?.format == .q8_0 && whole["b"]?.count == 32)
        for count in 0..<good.count {
            let path = try folder.write("cut.gguf", good.prefix(count))
            let error = #expect(throws: ModelError.self) { try TensorArchive(file: path) }
            if let error { expect(error, mentions: [path]) }
        }
        for index in 0..<good.count - file.data {
            for value in [0, 1, 0x20, 0x7F, 0x80, 0xFF] as [UInt8] {
                var bytes = good
                bytes[index] = value
                let path = try folder.write("changed.gguf", bytes)
                do {
                    for entry in try TensorArchive(file: path).entries.values {
                        #expect(entry.range.upperBound <= bytes.count)
                    }
                } catch {
                    expect(error, mentions: [path])
                }
            }
        }
    }

    @Test("a good file cut at any byte is refused")
    func truncation() throws {
        let header =
            "{\(BadSafetensors.tensor("a", "[2]", "0", "8")),\(BadSafetensors.tensor("b", "[1,2]", "8", "16"))}"
        let good = BadSafetensors.file(header: header, data: 16)
        let folder = try TemporaryFolder()
        let path = try folder.write("whole.safetensors", good)
        #expect(try TensorArchive(file: path).entries.count == 2)
        for count in 0..<good.count {
            let path = try folder.write("cut.safetensors", good.prefix(count))
            let error = #expect(throws: ModelError.self) { try TensorArchive(file: path) }
            if let error { expect(error, mentions: [path]) }
        }
    }

    @Test("a byte changed anywhere in the header is refused or still describes the file's own bytes")
    func corruption() throws {
        let good = BadSafetensors.file(header: "{\(BadSafetensors.tensor("a", "[2,2]", "0", "16"))}", data: 16)
        let folder = try TemporaryFolder()
        for index in 0..<good.count - 16 {
            for value in [0, 0x22, 0x2D, 0x39, 0x7B, 0xFF] as [UInt8] {
                var bytes = good
                bytes[index] = value
                let path = try folder.write("changed.safetensors", bytes)
                do {
                    for entry in try TensorArchive(file: path).entries.values {
                        #expect(entry.range.upperBound <= bytes.count)
                    }
                } catch {
                    expect(error, mentions: [path])
                }
            }
        }
    }

    @Test("a folder in the place of a weights file is refused")
    func folderAsFile() throws {
        let folder = try TemporaryFolder()
        try folder.write("model.safetensors/inside", [0])
        let path = "\(folder.path)/model.safetensors"
        let error = try #require(throws: ModelError.self) { try TensorArchive(file: path) }
        expect(error, mentions: [path])
    }

    @Test("a component without weights names the files that were looked for")
    func missingWeights() throws {
        let folder = try TemporaryFolder()
        let error = try #require(throws: ModelError.self) { try TensorArchive(folder: folder.path, stem: "model") }
        expect(error, mentions: ["\(folder.path)/model.safetensors"])
    }

    @Test("a folder without model_index.json is no model")
    func missingIndex() throws {
        let folder = try TemporaryFolder()
        let error = try #require(throws: ModelError.self) { try ModelFolder(path: folder.path) }
        expect(error, mentions: ["\(folder.path)/model_index.json"])
    }

    @Test(
        "a model index without a component names the component",
        arguments: ["{}", #"{"unet":"x"}"#, #"{"unet":[1,2]}"#])
    func missingComponent(_ index: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("model_index.json", index.utf8)
        let model = try ModelFolder(path: folder.path)
        let error = try #require(throws: ModelError.self) { try model.componentClass("unet") }
        expect(error, mentions: ["\(folder.path)/model_index.json", "'unet'"])
    }

    @Test(
        "a configuration that is no object is refused",
        arguments: ["", "[]", "{", "{\"a\":1,}", "{\"a\":01}", "nul", "{\"a\":1}{", "\u{FEFF}{", "{\"a\":1,\"a\":2}"])
    func badConfiguration(_ text: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("config.json", text.utf8)
        let error = try #require(throws: ModelError.self) { try Config(file: path) }
        expect(error, mentions: [path])
    }

    func expect(_ error: ModelError, mentions words: [String], _ location: SourceLocation = #_sourceLocation) {
        for word in words {
            #expect(error.description.contains(word), "\(error) does not mention \(word)", sourceLocation: location)
        }
        #expect(!error.description.contains("\n"), "\(error) is more than a line", sourceLocation: location)
    }
}
