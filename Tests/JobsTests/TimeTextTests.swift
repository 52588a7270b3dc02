import Jobs
import Testing

struct TimeTextTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:00+01:00", 0), ("1969-12-31T23:59:59.999Z", -1),
        ("2000-02-29T12:00:00Z", 951_825_600_000), ("2026-11-22T23:30:00.1234Z", 1_795_390_200_123),
        ("2026-11-22t18:30:00-05:00", 1_795_390_200_000), ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.9Z", 253_402_300_799_900),
    ])
    func `A time is read to the millisecond`(text: String, milliseconds: Int64) throws {
        let time = try #require(Timestamp(rfc3339: text))
        #expect(time.millisecondsSinceEpoch == milliseconds)
        #expect(Timestamp(rfc3339: time.description) == time)
    }

    @Test(arguments: [
        "", "2026-11-22", "2026-11-22T23:30Z", "2026-11-22T23:30:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "2026-12-31T23:59:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00 Z", "+026-01-01T00:00:00Z",
        "２026-01-01T00:00:00Z",
    ])
    func `What is no time is refused`(text: String) { #expect(Timestamp(rfc3339: text) == nil) }

    @Test func `Every day of four centuries keeps its date`() {
        for day in stride(from: -73_000, through: 73_000, by: 1) {
            let time = Timestamp(millisecondsSinceEpoch: Int64(day) * 86_400_000)
            #expect(Timestamp(rfc3339: time.description) == time)
        }
    }

    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("20s", .seconds(20)), ("1m30s", .seconds(90)), ("1.5h", .seconds(5400)),
        ("2h3ms", .seconds(7200) + .milliseconds(3)), ("0.0001s", .milliseconds(1)), ("0s", .zero),
    ])
    func `A duration is read, and its text is the same one`(text: String, expected: Duration) {
        #expect(DurationText.duration(text) == expected)
        #expect(DurationText.duration(DurationText.text(expected)) == expected)
    }

    @Test(arguments: [
        "", "s", "5", "5x", "5 s", "-5s", "5s5s", "5s1m", "1e3s", ".5s", "5.s", "1.2.3s", "٣s", "99999999999h",
    ])
    func `What is no duration is refused`(text: String) { #expect(DurationText.duration(text) == nil) }
}
