import JSONText
import Jobs
import Testing

struct JobFileTests {
    private let intake = IntakeID(time: Timestamp(millisecondsSinceEpoch: 1_795_000_000_000), entropy: 7)

    private func submission(_ name: String, _ text: String) -> Submission {
        Submission(intake: intake, fileName: name, bytes: Array(text.utf8))
    }

    @Test(arguments: [("a.json", JobFile.json), ("a.b.JSONL", .jsonl), ("ä.txt", .txt)])
    func `The ending tells the kind`(name: String, kind: JobFile) { #expect(JobFile(name: name) == kind) }

    @Test(arguments: ["a", "a.png", "json", ".json", "a.", "", "a.json "])
    func `Other endings are no job files`(name: String) {
        #expect(JobFile(name: name) == nil)
        let submission = submission(name, #"{"prompt": "x"}"#)
        #expect(submission.jobs.isEmpty)
        #expect(submission.rejections.count == 1)
        #expect(submission.rejections.first?.failure.code == "invalid_job")
    }

    @Test func `One job takes the file's name and the intake's mark`() throws {
        let job = try #require(submission("red apple.json", #"{"prompt": "x"}"#).jobs.first)
        #expect(job.id.rawValue == intake.rawValue)
        #expect(job.wishedName.rawValue == "red apple")
        #expect(job.source == JobSource(intake: intake, file: "red apple.json", index: 0))
    }

    @Test func `Several jobs are numbered, bad ones among them leave the others alone`() throws {
        let lines =
            "\u{FEFF}{\"prompt\": \"a\"}\r\n\r\n{\"prompt\": 7}\n{oops\n{\"prompt\": \"b\", \"output\": {\"name\": \"own\"}}"
        let submission = submission("many.jsonl", lines)
        #expect(submission.jobs.map(\.id.rawValue) == ["\(intake)-1", "\(intake)-4"])
        #expect(submission.jobs.map(\.wishedName.rawValue) == ["many-1", "own"])
        let rejection = try #require(submission.rejections.first)
        #expect(submission.rejections.count == 1)
        #expect(rejection.wishedName.rawValue == "many")
        #expect(rejection.failure.field == "jobs[1].prompt")
        #expect(rejection.failure.message.hasPrefix("2 of 4 jobs are wrong; the first: jobs[1].prompt must be"))
        #expect(rejection.faults.map(\.index) == [1, 2])
        #expect(rejection.faults.map(\.failure.field) == ["jobs[1].prompt", nil])
        #expect(rejection.faults[1].failure.message.hasPrefix("line 4, column 2:"))
        guard case .text(let text, .jsonl) = rejection.original else {
            Issue.record("the bad jobs are a file of lines")
            return
        }
        let expected = try JSONValue(parsing: #"{"prompt": 7}"#.utf8).text(indented: false)
        #expect(text == expected + "\n{oops\n")
    }

    @Test func `One bad job among good ones is told of by its number`() throws {
        let submission = submission("many.json", #"[{"prompt": "a"}, {"prompt": 7}]"#)
        #expect(submission.rejections.map(\.wishedName.rawValue) == ["many-2"])
        #expect(submission.rejections.map(\.original) == [.text("{\n  \"prompt\": 7\n}\n", .json)])
        #expect(submission.rejections.first?.faults.isEmpty == true)
    }

    @Test func `Ten thousand bad lines are one rejection, and what they quote is cut`() throws {
        let line = #"{"\#(String(repeating: "x", count: 5000))": 1}"#
        let lines = Array(repeating: "{", count: 9_998) + [line, #"{"prompt": "a"}"#]
        let submission = submission("a.jsonl", lines.joined(separator: "\n"))
        #expect(submission.jobs.map(\.wishedName.rawValue) == ["a-10000"])
        #expect(submission.rejections.map(\.faults.count) == [9_999])
        let failures = submission.rejections.flatMap(\.faults).map(\.failure)
        #expect(failures.allSatisfy { $0.message.utf8.count < 1100 && ($0.field ?? "").utf8.count < 1100 })
    }

    @Test func `A text file is a prompt`() throws {
        let submission = submission("p.txt", "\n  a \"red\" apple,\n on a table \r\n")
        #expect(submission.jobs.map(\.request.prompt) == ["a \"red\" apple,\n on a table"])
    }

    @Test(arguments: [
        ("a.json", ""), ("a.json", "[]"), ("a.jsonl", "\n \n"), ("a.txt", " \n"), ("a.txt", ""), ("a.json", "{"),
        ("a.json", "[1,"),
    ])
    func `A file without a job is one rejection, of the whole file`(name: String, text: String) throws {
        let submission = submission(name, text)
        #expect(submission.jobs.isEmpty)
        #expect(submission.rejections.map(\.original) == [.file])
        #expect(submission.rejections.map(\.wishedName.rawValue) == ["a"])
    }

    @Test func `Too many jobs in a file are refused as one`() {
        let lines = String(repeating: "{\"prompt\":\"x\"}\n", count: 10_001)
        #expect(submission("a.jsonl", String(lines.dropLast(15))).jobs.count == 10_000)
        #expect(
            submission("a.jsonl", lines).rejections.map(\.failure.message) == ["the file contains more than 10000 jobs"]
        )
        let array = "[" + Array(repeating: "{\"prompt\":\"x\"}", count: 10_001).joined(separator: ",") + "]"
        #expect(submission("a.json", array).rejections.count == 1)
    }

    @Test func `The same file under the same mark is the same submission, under another one it is not`() throws {
        let text = #"[{"prompt": "a"}, {"prompt": "b"}, {"prompt": "c", "seed": 5}]"#
        let first = submission("a.json", text)
        #expect(submission("a.json", text) == first)
        #expect(Set(first.jobs.map(\.seed)).count == 3)
        #expect(first.jobs[2].seed == 5)
        let later = IntakeID(time: Timestamp(millisecondsSinceEpoch: 1_795_000_000_000), entropy: 8)
        let second = Submission(intake: later, fileName: "a.json", bytes: Array(text.utf8))
        #expect(Set(second.jobs.map(\.id)).isDisjoint(with: first.jobs.map(\.id)))
        #expect(second.jobs[0].seed != first.jobs[0].seed)
    }

    @Test func `Bytes that are no UTF-8 are refused in every kind`() {
        for kind in JobFile.allCases {
            let submission = Submission(intake: intake, fileName: "a.\(kind)", bytes: [0x61, 0xFF])
            #expect(submission.rejections.map(\.failure.message) == ["the text is not UTF-8: see byte 1"])
        }
    }
}
