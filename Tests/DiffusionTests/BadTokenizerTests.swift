import Diffusion
import Foundation
import Models
import Testing

/// Tokenizer folders that ask for something else than CLIP's tokenizer: each is refused with its file and field.
struct BadTokenizerTests {
    @Test(
        "a setting that would change tokens is refused by name",
        arguments: [
            #""do_lower_case": false"#, #""strip_accents": true"#, #""add_prefix_space": true"#,
            #""add_bos_token": false"#, #""add_eos_token": false"#, #""padding_side": "up""#,
            #""truncation_side": 7"#, #""model_max_length": 78"#, #""model_max_length": -1"#, #""max_len": 1"#,
            #""split_special_tokens": "no""#, #""fast_tokenizer_files": ["tokenizer.4.0.json"]"#,
            #""extra_special_tokens": 5"#, #""extra_special_tokens": ["<x>", 5]"#,
            #""extra_special_tokens": {"toy": ""}"#, #""added_tokens_decoder": {"cat": {"content": "<x>"}}"#,
            #""added_tokens_decoder": {"770": {"content": "<x>"}}"#,
            #""added_tokens_decoder": {"768": {"lstrip": true}}"#,
            #""added_tokens_decoder": {"768": {"content": "<x>", "lstrip": 1}}"#,
        ])
    func setting(_ text: String) throws {
        let field = String(text.dropFirst().prefix { $0 != "\"" })
        try expectRefusal(["tokenizer_config.json": "{\(text)}"], "tokenizer/tokenizer_config.json", field)
    }

    @Test(
        "a setting that changes no token is passed over",
        arguments: [
            #""do_lower_case": true, "strip_accents": null, "add_prefix_space": false, "add_bos_token": true"#,
            #""errors": "strict", "clean_up_tokenization_spaces": true, "tokenizer_class": "CLIPTokenizer""#,
            #""model_max_length": 1000000000000000019884624838656, "padding_side": "right""#,
            #""model_max_length": 1e30, "fast_tokenizer_files": ["tokenizer.json"], "unk_token": null"#,
            #""max_len": 77, "backend": "tokenizers", "is_local": true, "added_tokens_decoder": {}"#,
        ])
    func harmless(_ text: String) throws {
        let plain = try TokenizerFolder(files: [:]).tokenizer()
        let tokenizer = try TokenizerFolder(files: ["tokenizer_config.json": Data("{\(text)}".utf8)]).tokenizer()
        for prompt in ["", "A Photo of a Café", "<|endoftext|>!", String(repeating: "cat ", count: 90)] {
            #expect(tokenizer.encode(prompt) == plain.encode(prompt))
        }
    }

    @Test(
        "what a tokenizer.json asks for that is not CLIP's is refused by name",
        arguments: [
            (#""type": "BPE""#, #""type": "WordPiece""#, "model.type"),
            (#""dropout": null"#, #""dropout": 0.1"#, "model.dropout"),
            (
                #""continuing_subword_prefix": """#, #""continuing_subword_prefix": "Ġ""#,
                "model.continuing_subword_prefix"
            ),
            (#""end_of_word_suffix": "</w>""#, #""end_of_word_suffix": """#, "model.end_of_word_suffix"),
            (#""fuse_unk": false"#, #""fuse_unk": true"#, "model.fuse_unk"),
            (#""byte_fallback": false"#, #""byte_fallback": true"#, "model.byte_fallback"),
            (#""ignore_merges": false"#, #""ignore_merges": true"#, "model.ignore_merges"),
            (#"{"type": "Lowercase"}"#, #"{"type": "StripAccents"}"#, "normalizer"),
            (#"{"type": "NFC"}, "#, "", "normalizer"),
            (#""normalizers": ["#, #""normalizers": [{"type": "Strip"}, "#, "normalizer"),
            (#"[\\p{L}]+|[\\p{N}]|"#, #"[\\p{L}]+|[\\p{N}]+|"#, "pre_tokenizer"),
            (#""behavior": "Removed""#, #""behavior": "Isolated""#, "pre_tokenizer"),
            (#""type": "RobertaProcessing""#, #""type": "ByteLevel""#, "post_processor"),
            (#""merges": [["#, #""merges": [["x", "q"], ["#, "model.merges[0]"),
            (#""merges": [["#, #""merges": [["i n"], ["#, "model.merges[0]"),
            (#""vocab": {"#, #""vocab": {"new": -1, "#, "model.vocab.new"),
            (#""vocab": {"#, #""vocab": [], "was": {"#, "model.vocab"),
            (#""added_tokens": [{"id": 766"#, #""added_tokens": [{"id": "766""#, "added_tokens[0]"),
            (#""added_tokens": ["#, #""added_tokens": [{"id": 780, "content": "<x>"}, "#, "added_tokens[0]"),
        ])
    func document(_ old: String, _ new: String, _ field: String) throws {
        let saved = try #require(GoldenTokenizerFolderTests.variants?.first { $0.name == "saved" })
        var files = saved.files
        let text = try #require(files["tokenizer.json"] ?? nil)
        try #require(text.contains(old))
        files["tokenizer.json"] = text.replacing(old, with: new, maxReplacements: 1)
        try expectRefusal(files, "tokenizer/tokenizer.json", field)
    }

    @Test(
        "a small file that makes no sense is refused by name",
        arguments: [
            ("special_tokens_map.json", #"{"bos_token": null}"#, "bos_token"),
            ("special_tokens_map.json", #"{"pad_token": 5}"#, "pad_token"),
            ("special_tokens_map.json", #"{"eos_token": ""}"#, "eos_token"),
            ("special_tokens_map.json", #"{"eos_token": {"content": "x", "rstrip": "no"}}"#, "eos_token.rstrip"),
            ("added_tokens.json", #"{"<x>": "768"}"#, "<x>"), ("added_tokens.json", #"{"<x>": 769}"#, "<x>"),
            ("added_tokens.json", #"{"<x>": 768, "<y>": 768}"#, "768"),
            ("added_tokens.json", "[]", "not an object"),
        ])
    func smallFile(_ file: String, _ text: String, _ field: String) throws {
        try expectRefusal([file: text], "tokenizer/\(file)", field)
    }

    @Test(
        "a token beyond the text encoder's embeddings is refused where it is named",
        arguments: [
            ("added_tokens.json", #"{"<cat-toy>": 768}"#, "<cat-toy>"),
            ("special_tokens_map.json", #"{"pad_token": "<pad>"}"#, "pad_token"),
            ("tokenizer_config.json", #"{"extra_special_tokens": ["<x>"]}"#, "extra_special_tokens"),
            (
                "tokenizer_config.json", #"{"added_tokens_decoder": {"768": {"content": "<x>"}}}"#,
                "added_tokens_decoder.768"
            ),
        ])
    func beyond(_ file: String, _ text: String, _ field: String) throws {
        let parent = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: parent) }
        let path = try BadFolder(.write(file: "tokenizer/\(file)", text: text), of: "sd1").make(in: parent)
        let error = #expect(throws: DiffusionError.self) { try Pipeline(folder: ModelFolder(path: path), threads: 1) }
        let message = error?.description ?? ""
        #expect(
            message.contains("tokenizer/\(file)") && message.contains("'\(field)'")
                && message.contains("vocab_size of text_encoder/config.json"), "\(message)")
    }

    private func expectRefusal(_ files: [String: String?], _ file: String, _ field: String) throws {
        let folder = try TokenizerFolder(files: files.mapValues { $0.map { Data($0.utf8) } })
        let error = #expect(throws: ModelError.self) { try folder.tokenizer() }
        let message = error?.description ?? ""
        #expect(message.contains(file) && message.contains(field), "\(message)")
    }
}
