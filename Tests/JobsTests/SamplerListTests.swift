import Foundation
import Jobs
import Terms
import Testing

/// Holds what documents say of samplers to the table. With `LATENTD_WRITE_LISTS` in the environment the documents are written anew.
struct SamplerListTests {
    private static let words = Sampler.allCases.map(\.rawValue)

    @Test("The job's schema lists the samplers of the table")
    func schema() throws {
        let words = SamplerListTests.words.joined(separator: #"", ""#)
        try expect(
            #"          "enum": ["\#(words)"]"#, in: "docs/job.schema.json", from: #"          "enum": ["ddim", "#)
    }

    @Test("The README lists the samplers of the table")
    func readme() throws {
        let words = SamplerListTests.words.joined(separator: "`, `")
        try expect("Samplers: `\(words)`,", in: "README.md", from: "Samplers: `")
    }

    /// Expects one line of a document that begins with `start`, and that it is `line`.
    private func expect(_ line: String, in name: String, from start: String) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../\(name)")
        let lines = try String(contentsOf: file, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        if ProcessInfo.processInfo.environment["LATENTD_WRITE_LISTS"] != nil {
            let written = lines.map { $0.hasPrefix(start) ? Substring(line) : $0 }.joined(separator: "\n")
            try written.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(lines.filter { $0.hasPrefix(start) } == [Substring(line)])
        }
    }

    @Test("A sampler's word and title are its own, and a word means what it meant in every release")
    func words() throws {
        #expect(Set(Sampler.allCases).count == Sampler.allCases.count)
        #expect(Set(Sampler.allCases.map(\.title)).count == Sampler.allCases.count)
        let old = ["ddim", "euler", "euler-a", "dpm++2m", "dpm++2m-karras", "lcm", "pndm", "ddpm"]
        #expect(Array(SamplerListTests.words.prefix(old.count)) == old)
        for word in SamplerListTests.words {
            #expect(
                try JobRequest.decode(json: #"{"prompt": "x", "sampler": "\#(word)"}"#.utf8).sampler?.rawValue == word)
        }
        #expect(Sampler(rawValue: "DDIM") == nil)
    }
}
