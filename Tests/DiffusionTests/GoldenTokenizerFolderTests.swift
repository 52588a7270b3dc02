import Diffusion
import Foundation
import Models
import Testing

/// Token ids against transformers, for tokenizer folders in every form: `golden/tokenizers.json`.
struct GoldenTokenizerFolderTests {
    /// A change of the tiny model's tokenizer, and what the reference makes of texts with it.
    struct Variant: Decodable, CustomStringConvertible {
        struct Case: Decodable {
            let text: String
            /// With padding. A negative number: the id before it stands there so often.
            let ids: [Int]

            var unfolded: [Int] {
                ids.reduce(into: []) { list, id in
                    if id < 0, let last = list.last {
                        list += Array(repeating: last, count: -id - 1)
                    } else {
                        list.append(id)
                    }
                }
            }
        }

        let name: String
        /// The files that are different; nil: the file is gone.
        let files: [String: String?]
        let length: Int
        let cases: [Case]
        var description: String { name }
    }

    static let variants: [Variant]? = try? JSONDecoder().decode(
        [Variant].self, from: Data(contentsOf: URL(fileURLWithPath: "\(GoldenIndex.folder)/golden/tokenizers.json")))

    @Test("the list of tokenizer folders can be read")
    func index() { #expect((Self.variants?.count ?? 0) >= 18) }

    @Test("a tokenizer folder of any form gives transformers' ids", arguments: variants ?? [])
    func ids(_ variant: Variant) throws {
        let folder = try TokenizerFolder(files: variant.files.mapValues { $0.map { Data($0.utf8) } })
        let tokenizer = try folder.tokenizer()
        #expect(tokenizer.length == variant.length)
        for example in variant.cases {
            #expect(tokenizer.encode(example.text) == example.unfolded, "\(example.text.debugDescription)")
        }
    }

    @Test(
        "line ends of any system and a byte order mark in the text files change nothing",
        arguments: ["\r\n", "\r", "\n"], [[], [0xEF, 0xBB, 0xBF]] as [[UInt8]])
    func lineEnds(_ lineEnd: String, _ mark: [UInt8]) throws {
        for variant in try #require(Self.variants) where ["saved", "added_tokens.json"].contains(variant.name) {
            let folder = try TokenizerFolder(files: variant.files.mapValues { $0.map { Data($0.utf8) } })
            try folder.rewriteTexts { Data(mark) + Data($0.replacing("\n", with: lineEnd).utf8) }
            let tokenizer = try folder.tokenizer()
            for example in variant.cases.prefix(20) {
                #expect(tokenizer.encode(example.text) == example.unfolded, "\(example.text.debugDescription)")
            }
        }
    }
}

/// A folder with the tokenizer of the tiny model 'sd1', changed, and the configuration of a text encoder with room for more tokens.
final class TokenizerFolder {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("latentd-\(UUID().uuidString)")

    /// - Parameter files: what stands in files of `tokenizer`; nil takes one away.
    init(files: [String: Data?]) throws {
        let model = URL(fileURLWithPath: GoldenIndex.model("sd1"))
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        for part in ["model_index.json", "text_encoder/config.json", "tokenizer"] {
            let target = url.appendingPathComponent(part)
            try FileManager.default.createDirectory(
                at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: model.appendingPathComponent(part), to: target)
        }
        for (name, data) in files {
            let file = url.appendingPathComponent("tokenizer/\(name)")
            if let data { try data.write(to: file) } else { try? FileManager.default.removeItem(at: file) }
        }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func tokenizer() throws -> Tokenizer { try Tokenizer(ModelFolder(path: url.path)) }

    /// Writes every text file anew, as `change` makes it.
    func rewriteTexts(_ change: (String) -> Data) throws {
        let enumerator = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil)
        for case let file as URL in try #require(enumerator) where ["json", "txt"].contains(file.pathExtension) {
            try change(String(contentsOf: file, encoding: .utf8)).write(to: file)
        }
    }
}
