import Jobs
import Testing

struct NameTests {
    @Test(arguments: ["a", "0", "A-b_c.d", String(repeating: "x", count: 64)])
    func `An id is read`(text: String) { #expect(JobID(rawValue: text)?.description == text) }

    @Test(arguments: ["", "-a", ".a", "_a", "a b", "a/b", "ä", "a\n", "a\0", String(repeating: "x", count: 65)])
    func `What is unsafe is no id`(text: String) { #expect(JobID(rawValue: text) == nil) }

    @Test(arguments: [
        ("cat", "cat"), ("größe 1.5", "größe 1.5"), ("", "job"), (".hidden", "_hidden"), ("..", "_."), ("a/b", "a_b"),
        ("a\nb\u{1b}\u{7f}", "a_b__"), ("a\u{FFFD}", "a_"), ("a.json", "a_json"), ("b.job", "b_job"),
        ("c.webp.webp", "c.webp_webp"), ("-rf", "_rf"), ("--output=x", "_-output=x"), ("a\u{202E}gpj", "a_gpj"),
        ("\u{200B}a\u{FEFF}\u{2066}", "_a__"), ("\u{AD}", "_"), ("-.json", "__json"),
        (".webp", "_webp"), (String(repeating: "é", count: 100), String(repeating: "é", count: 64)),
    ])
    func `Any text has a safe name near it`(text: String, expected: String) {
        let name = ResultName(sanitizing: text)
        #expect(name.rawValue == expected)
        #expect(ResultName(rawValue: name.rawValue) == name)
    }

    @Test(arguments: [
        "", ".", "..", "a/b", "/a", "a\n", "a\0", "a.webp", "a.json", "a.job", String(repeating: "a", count: 161),
    ])
    func `What is unsafe is no name`(text: String) { #expect(ResultName(rawValue: text) == nil) }

    @Test func `Names are compared byte by byte, as files are`() throws {
        let composed = try #require(ResultName(rawValue: "caf\u{E9}"))
        let decomposed = try #require(ResultName(rawValue: "cafe\u{301}"))
        #expect(composed.rawValue == decomposed.rawValue)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
        // A character that only looks like an ending, and one that grows into the mark behind it.
        #expect(ResultName(rawValue: "a.json\u{301}") != nil)
        #expect(ResultName(rawValue: "a\u{200D}.json") == nil)
        #expect(ResultName(sanitizing: "a\u{301}.json").rawValue.utf8.elementsEqual("a\u{301}_json".utf8))
    }

    @Test(arguments: [
        ("-rf", "begins with a hyphen"), ("a\u{202E}gpj", "U+202E"), ("a\u{200B}", "U+200B"), ("\u{E0001}x", "U+E0001"),
    ])
    func `A name that misleads is refused where a job asks for it, and read where a queue holds it`(
        name: String, words: String
    ) throws {
        let text = #"[{"prompt": "x"}, {"prompt": "x", "output": {"name": "\#(name)"}}]"#
        let mark = IntakeID(fingerprint: 1)
        let submission = Submission(intake: mark, fileName: "a.json", bytes: Array(text.utf8))
        #expect(submission.jobs.count == 1)
        let failure = try #require(submission.rejections.first?.failure)
        #expect(failure.field == "jobs[1].output.name")
        #expect(failure.message.contains(words))
        #expect(ResultName(rawValue: name)?.rawValue == name)
    }

    @Test func `The longest name has room for what makes it unique`() {
        let name = ResultName(sanitizing: String(repeating: "x", count: 500))
        #expect(name.appending("-10000").appending("~\(Int.max)").rawValue.utf8.count <= ResultName.maximumLength)
    }

    @Test func `Marks of intakes sort by time and differ by entropy`() {
        let early = IntakeID(time: Timestamp(millisecondsSinceEpoch: 1_795_000_000_000), entropy: 0xFFFF_FFFF)
        let late = IntakeID(time: Timestamp(millisecondsSinceEpoch: 1_795_000_000_001), entropy: 0)
        #expect(early.rawValue < late.rawValue)
        #expect(IntakeID(rawValue: late.rawValue) == late)
        #expect(IntakeID(fingerprint: 1) == IntakeID(fingerprint: 1))
        #expect(IntakeID(fingerprint: 1) != IntakeID(fingerprint: 2))
        #expect(late.rawValue < IntakeID(fingerprint: 0).rawValue)
        #expect(IntakeID(rawValue: "ABCDEFGHIJKLMN") == nil)
    }
}
