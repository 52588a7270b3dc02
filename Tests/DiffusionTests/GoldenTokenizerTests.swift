import Diffusion
import Models
import Testing

/// Token ids against transformers' `CLIPTokenizer`, exactly.
struct GoldenTokenizerTests {
    @Test("any text gives transformers' ids", arguments: GoldenIndex.shared?.tokenizers ?? [])
    func ids(_ golden: GoldenIndex.Tokenizer) throws {
        let tokenizer = try Tokenizer(ModelFolder(path: GoldenIndex.model(golden.model)))
        #expect(tokenizer.length == golden.length)
        #expect(tokenizer.paddingToken == golden.padding)
        for example in golden.cases {
            let padding = Array(repeating: golden.padding, count: golden.length - example.ids.count)
            #expect(tokenizer.encode(example.text) == example.ids + padding, "\(example.text.debugDescription)")
        }
    }
}
