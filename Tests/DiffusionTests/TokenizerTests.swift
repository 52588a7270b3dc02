import Diffusion
import Foundation
import Models
import Testing

/// Corners of Unicode where the reference's tables and Swift's differ, and prompts of any length. Other texts are in
/// `GoldenTokenizerTests`; the ids here come from transformers too.
struct TokenizerTests {
    private func tokenizer() throws -> Tokenizer { try Tokenizer(ModelFolder(path: GoldenIndex.model("sd1"))) }

    @Test("characters that are newer than the reference's tables, and what Swift composes wrongly, give its ids")
    func unicode() throws {
        let tokenizer = try tokenizer()
        let cases: [(text: String, ids: [Int])] = [
            // Letters and numbers of Unicode 17.
            ("a\u{88F}b", [320, 156, 95, 493, 321]),
            ("a\u{C5C}b", [320, 156, 109, 506, 321]),
            ("x\u{323B0}y", [343, 172, 110, 236, 364, 344]),
            ("\u{16FF4} 1", [172, 244, 123, 368, 272]),
            // Accents that are newer than Unicode 9.
            ("a\u{1AC6}\u{334}b", [320, 157, 104, 228, 136, 368, 321]),
            ("e\u{1DF6}\u{301}", [324, 157, 115, 114, 136, 479]),
            // Compositions.
            ("+\u{2DF9}\u{F73}x", [10, 156, 121, 109, 156, 121, 110, 158, 115, 373, 343]),
            ("\u{130BD}\u{3099}", [172, 241, 224, 377, 159, 224, 503]),
            ("\u{21F40}\u{300}", [172, 94, 121, 478, 136, 478]),
            ("\u{11099}\u{110BA}", [172, 239, 224, 504]),
            ("\u{1D15E}\u{334}", [172, 251, 227, 245, 136, 112, 172, 251, 227, 354]),
        ]
        for (text, ids) in cases {
            let scalars = text.unicodeScalars.map { String($0.value, radix: 16) }
            #expect(Array(tokenizer.encode(text).dropFirst().prefix(ids.count)) == ids, "\(scalars)")
        }
    }

    /// Where `scripts/vocabulary` writes.
    private static let vocabulary = "\(GoldenIndex.folder)/../../vocabulary"

    @Test(
        "CLIP's published vocabulary gives transformers' ids, and pads as each of its two models expects",
        .enabled(if: FileManager.default.fileExists(atPath: vocabulary), "scripts/vocabulary was not run"))
    func published() throws {
        let folder = try ScratchFolder()
        let files = FileManager.default
        for (component, name) in [("tokenizer", "clip"), ("tokenizer_2", "clip-g")] {
            try files.createSymbolicLink(
                atPath: "\(folder.path)/\(component)", withDestinationPath: "\(Self.vocabulary)/\(name)")
        }
        try files.createDirectory(atPath: "\(folder.path)/text_encoder", withIntermediateDirectories: false)
        for file in ["model_index.json", "text_encoder/config.json"] {
            try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/\(file)"))
        }
        let model = try ModelFolder(path: folder.path)
        let texts: [(String, [Int])] = [
            ("a photo of a cat", [49406, 320, 1125, 539, 320, 2368, 49407]),
            ("Ein Fuchs im Schnee, 4K!", [49406, 24524, 665, 8391, 1496, 844, 10601, 267, 275, 330, 256, 49407]),
            (
                "naïve café — it's 100% ok",
                [49406, 1097, 35689, 563, 15304, 2005, 585, 568, 272, 271, 271, 260, 2481, 49407]
            ),
        ]
        for (text, ids) in texts {
            let padding = Array(repeating: 49407, count: 77 - ids.count)
            #expect(try Tokenizer(model).encode(text) == ids + padding)
            // What pads is a special token in every text.
            guard !text.contains("!") else { continue }
            #expect(try Tokenizer(model, "tokenizer_2").encode(text) == ids + padding.map { _ in 0 })
        }
    }

    @Test("a prompt of megabytes is cut at the model's length without being read to its end")
    func length() throws {
        let tokenizer = try tokenizer()
        for text in [String(repeating: "cat ", count: 500_000), String(repeating: "a", count: 200_000)] {
            let ids = tokenizer.encode(text)
            #expect(ids.count == 77 && ids[0] == 766 && ids[76] == 767 && !ids[1..<76].contains(767))
        }
    }

    @Test("what a prompt loses is told in the words of its tokens, at the end that is cut")
    func removedPart() throws {
        let tokenizer = try tokenizer()
        #expect(tokenizer.removedPart(of: "cat") == nil)
        #expect(tokenizer.removedPart(of: String(repeating: "cat ", count: 75)) == nil)
        let long = String(repeating: "cat ", count: 74) + "Cat, 猫 and <|endoftext|> Café"
        let removed = try #require(tokenizer.removedPart(of: long))
        #expect(removed.words == ", 猫 and <|endoftext|>café")
        #expect(removed.tokens == tokenizer.tokenCount(of: ", 猫 and <|endoftext|> café"))

        let left = try TokenizerFolder(files: ["tokenizer_config.json": Data(#"{"truncation_side": "left"}"#.utf8)])
            .tokenizer()
        #expect(try #require(left.removedPart(of: "A dog " + String(repeating: "cat ", count: 74))).words == "a")
    }
}

extension Tokenizer {
    /// How many tokens a short text has.
    fileprivate func tokenCount(of text: String) -> Int { (encode(text).dropFirst().lastIndex { $0 != endToken } ?? 0) }
}
