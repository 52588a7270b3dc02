import Foundation
import Jobs
import Testing

struct JobRequestTests {
    @Test func `An absent and an empty negative prompt stay two things, and an empty prompt is a prompt`() throws {
        for json in [
            #"{"prompt":""}"#, #"{"prompt":"","negative_prompt":""}"#, #"{"prompt":"a","negative_prompt":"b"}"#,
        ] {
            let request = try JobRequest.decode(json: json.utf8)
            #expect(request.negativePrompt == (json.contains("\"b\"") ? "b" : json.contains("negative") ? "" : nil))
            #expect(String(decoding: request.encoded(), as: UTF8.self) == json)
        }
        for bytes in [[], Array(" \r\n\t".utf8), [0xEF, 0xBB, 0xBF]] as [[UInt8]] {
            let error = #expect(throws: JobError.self) { try JobFile.txt.parse(bytes) }
            #expect(error?.description.contains("the file is empty") == true)
        }
    }

    @Test(arguments: JobCorpus.good)
    func `A good job is read, and read again from its canonical form`(json: String) throws {
        let request = try JobRequest.decode(json: json.utf8)
        #expect(try JobRequest.decode(json: request.encoded()) == request)
    }

    @Test(arguments: JobCorpus.bad)
    func `A bad job is refused with the field named`(bad: JobCorpus.Bad) throws {
        let error = try #require(throws: JobError.self) { try Self.firstError(in: bad.json) }
        #expect(error.field == bad.field)
        #expect(error.description.contains(bad.words), "\(error)")
        #expect(!error.description.contains("\n"))
    }

    private static func firstError(in json: String) throws {
        for element in try JobFile.json.parse(Array(json.utf8)) { _ = try element.request.get() }
    }

    @Test func `Every field arrives where it belongs`() throws {
        let json = """
            {"id": "me-1", "prompt": "a", "negative_prompt": "b", "width": 64, "height": 128, "seed": 3, "steps": 4,
             "guidance_scale": 1.5, "sampler": "dpm++2m-karras", "rng": "torch", "model": "m", "precision": "int8",
             "latency_budget": "1m30s", "deadline": "1970-01-01T00:00:01.5Z", "priority": -3,
             "output": {"name": "n", "quality": 90, "lossless": false}}
            """
        let request = try JobRequest.decode(json: json.utf8)
        var expected = JobRequest(prompt: "a", negativePrompt: "b")
        expected.id = JobID(rawValue: "me-1")
        expected.width = 64
        expected.height = 128
        expected.seed = 3
        expected.steps = 4
        expected.guidanceScale = 1.5
        expected.sampler = "dpm++2m-karras"
        expected.rng = .torch
        expected.model = "m"
        expected.precision = .int8
        expected.latencyBudget = .seconds(90)
        expected.deadline = Timestamp(millisecondsSinceEpoch: 1500)
        expected.priority = -3
        expected.output = JobRequest.Output(name: ResultName(rawValue: "n"), quality: 90, lossless: false)
        #expect(request == expected)
    }

    @Test(arguments: [0, 1, (1 << 53) + 1, UInt64(Int64.max) + 1, UInt64.max - 1, UInt64.max] as [UInt64])
    func `No digit of a seed is lost, through our JSON and through Foundation's`(seed: UInt64) throws {
        var request = JobRequest(prompt: "x")
        request.seed = seed
        #expect(try JobRequest.decode(json: request.encoded()) == request)
        let data = try JSONEncoder().encode(request)
        #expect(try JSONDecoder().decode(JobRequest.self, from: data) == request)
        #expect(String(decoding: data, as: UTF8.self).contains("\"seed\":\(seed)"))
    }

    @Test(arguments: JobCorpus.good)
    func `Foundation's coders carry a whole job`(json: String) throws {
        let request = try JobRequest.decode(json: json.utf8)
        #expect(try JSONDecoder().decode(JobRequest.self, from: JSONEncoder().encode(request)) == request)
    }

    @Test func `A decoder of Foundation's is as strict`() {
        #expect(throws: JobError.unknownField(path: "stesp", suggestion: "steps")) {
            try JSONDecoder().decode(JobRequest.self, from: Data(#"{"prompt": "x", "stesp": 3}"#.utf8))
        }
    }

    @Test func `The canonical form has a fixed order and nothing that is not set`() throws {
        let request = try JobRequest.decode(
            json: #"{"seed": 1e3, "latency_budget": 90, "priority": 0, "prompt": "ü\/"}"#.utf8)
        #expect(
            String(decoding: request.encoded(), as: UTF8.self)
                == #"{"prompt":"ü/","seed":1000,"latency_budget":"1m30s"}"#)
    }
}
