import Foundation
import Images
import Jobs
import Models
import Planner
import Rendering
import Testing

/// A prompt that the text encoder has no room for: who is told, and of which words.
struct PromptWarningTests {
    /// 75 tokens, and two words more.
    private static let long = String(repeating: "cat ", count: 75) + "Lighthouse, night"

    @Test(
        "the words of a prompt that are left out are in the plan and in the record, those of the negative prompt where it is used"
    )
    func leftOut() throws {
        let renderer = try renderer()
        let request = tinyJob {
            $0.model = "sd1"
            $0.steps = 1
            $0.prompt = Self.long
            $0.negativePrompt = Self.long.replacing("night", with: "fog")
            $0.guidanceScale = 3
        }
        let plan = try renderer.dryRun(request, now: now)
        #expect(plan.warnings.count == 2)
        #expect(plan.warnings.first?.hasPrefix("The prompt is too long") == true)
        #expect(plan.warnings.first?.hasSuffix("\"lighthouse , night\".") == true)
        #expect(plan.warnings.last?.hasPrefix("The negative prompt is too long") == true)
        #expect(plan.warnings.last?.hasSuffix("\"lighthouse , fog\".") == true)
        #expect(plan.warning == nil)
        let record = try renderer.render(request, seed: 7, plan: plan).record
        #expect(record.warnings == plan.warnings && record.plan.warnings == plan.warnings)

        let unguided = try renderer.dryRun(request.with { $0.guidanceScale = 1 }, now: now)
        #expect(unguided.warnings == [plan.warnings[0]])
        let check = PromptCheck(), model = try #require(renderer.catalog["sd1"])
        #expect(try check.warnings(of: request, plan, by: model) == plan.warnings)
        #expect(try check.warnings(of: request.with { $0.prompt = "cat" }, unguided, by: model) == [])
    }

    @Test("very many words that are left out are told by their beginning and their end")
    func veryLong() throws {
        let request = tinyJob {
            $0.model = "sd1"
            $0.prompt = String(repeating: "cat ", count: 3000) + "dog"
        }
        let warning = try #require(try renderer().dryRun(request, now: now).warnings.first)
        #expect(
            warning.contains("2926 tokens are left out") && warning.contains("cat cat … cat cat")
                && warning.hasSuffix("cat dog\"."))
        #expect(warning.count < 1100)
    }

    @Test("an empty prompt is drawn, and an absent and an empty negative prompt stay two things with one picture")
    func empty() throws {
        let renderer = try renderer()
        let absent = try renderer.render(
            tinyJob {
                $0.prompt = ""
                $0.negativePrompt = nil
            })
        let empty = try renderer.render(
            tinyJob {
                $0.prompt = ""
                $0.negativePrompt = ""
            })
        #expect(absent.record.picture.bitstreamSHA256 == empty.record.picture.bitstreamSHA256)
        #expect(absent.record.warnings == [] && absent.record.plan.warnings == [])
        for (rendered, expected) in [(absent, nil), (empty, "")] as [(Rendered, String?)] {
            for request in [rendered.record.request, rendered.record.job] {
                #expect(request.prompt == "" && request.negativePrompt == expected)
                #expect(request.json["negative_prompt"]?.string == expected)
            }
            let metadata = try PictureMetadata(webp: rendered.webp)
            #expect(metadata.prompt == "")
            let job = try JobRequest.decode(json: metadata.job.utf8)
            #expect(job == rendered.record.job)
        }
    }

    @Test("a plan and a record of a version that knew no warnings can be read")
    func old() throws {
        let record = try renderer().render(tinyJob()).record
        var members = try #require(try JSONSerialization.jsonObject(with: Data(record.encoded())) as? [String: Any])
        members["warnings"] = nil
        var plan = try #require(members["plan"] as? [String: Any])
        plan["warnings"] = nil
        plan["warning"] = "This CPU is slow."
        members["plan"] = plan
        let read = try JSONDecoder().decode(ResultRecord.self, from: JSONSerialization.data(withJSONObject: members))
        #expect(read.plan.warnings == ["This CPU is slow."] && read.warnings == read.plan.warnings)
        #expect(read.picture == record.picture)
    }

    @Test("a model's digest has the new files of a tokenizer in it, and an import brings them along")
    func tokenizerFiles() throws {
        let models = try ModelDirectory(["tiny": "tiny"])
        let folder = { try ModelFolder(path: "\(models.path)/tiny") }
        let before = try folder().sha256()
        #expect(before == (try ModelFolder(path: "\(fixtureModels)/tiny").sha256()))
        try models.write("{}", to: "tiny/tokenizer/added_tokens.json")
        let files = try folder().files()
        #expect(files.contains("tokenizer/added_tokens.json") && !files.contains("tokenizer/tokenizer.json"))
        #expect(try folder().sha256() != before)
        try models.write("{}", to: "tiny/tokenizer/tokenizer.json")
        let result = try Importer(
            folder(),
            .init(output: models.path, name: "small", precision: .int8, rules: folder().form.rules, tool: "tests")
        ).run()
        for file in ["added_tokens.json", "tokenizer.json", "vocab.json"] {
            #expect(FileManager.default.fileExists(atPath: "\(result.path)/tokenizer/\(file)"), "\(file)")
        }
    }
}

extension JobRequest {
    /// A copy with changes.
    fileprivate func with(_ change: (inout JobRequest) -> Void) -> JobRequest {
        var copy = self
        change(&copy)
        return copy
    }
}
