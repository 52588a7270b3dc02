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
        ("c.webp.webp", "c.webp_webp"),
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
