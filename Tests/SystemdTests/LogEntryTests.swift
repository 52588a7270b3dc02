import Logging
import Systemd
import Testing

@Suite("Log entries")
struct LogEntryTests {
    private func entry(_ metadata: Logger.Metadata, level: Logger.Level = .info, message: Logger.Message = "Done")
        -> LogEntry
    {
        let event = LogEvent(
            level: level, message: message, metadata: metadata, source: nil, file: "F", function: "f", line: 1)
        return LogEntry(event, context: [:])
    }

    private func fields(_ metadata: Logger.Metadata) -> [String] {
        entry(metadata).journalFields(identifier: "latentd").map { "\($0.name)=\($0.value)" }
    }

    @Test("a message becomes MESSAGE, PRIORITY and SYSLOG_IDENTIFIER, the data fields in capitals")
    func journalFields() {
        #expect(
            fields(["job.id": "7", "job.peak_bytes": "\(1 << 20)"])
                == ["MESSAGE=Done", "PRIORITY=6", "SYSLOG_IDENTIFIER=latentd", "JOB_ID=7", "JOB_PEAK_BYTES=1048576"])
    }

    @Test(
        "a field's name is one that the journal takes",
        arguments: [
            ("job.id", "JOB_ID"), ("a-b c", "A_B_C"), ("_trusted", "TRUSTED"), ("9lives", "LIVES"), ("é", nil),
            ("", nil),
            (String(repeating: "x", count: 80), String(repeating: "X", count: 64)),
        ])
    func fieldNames(key: String, name: String?) {
        #expect(entry([key: "v"]).journalFields(identifier: "i").dropFirst(3).first?.name == name)
    }

    @Test(
        "levels are syslog's priorities",
        arguments: [
            (Logger.Level.trace, 7), (.debug, 7), (.info, 6), (.notice, 5), (.warning, 4), (.error, 3), (.critical, 2),
        ])
    func priorities(level: Logger.Level, priority: Int) {
        #expect(entry([:], level: level).priority == priority)
    }

    @Test("a line quotes what would be ambiguous and escapes what would forge a line or drive a terminal")
    func lines() {
        #expect(entry(["job.id": "7", "n": "a b"]).line == "Done job.id=7 n=\"a b\"")
        #expect(entry(["n": "a\nb\u{1b}[1m"]).line == "Done n=\"a\\nb\\u{1b}[1m\"")
        #expect(entry(["n": "", "q": "say \"x\""]).line == "Done n=\"\" q=\"say \\\"x\\\"\"")
    }

    @Test("an event's data override the logger's, and its error is a datum")
    func merging() {
        struct Broken: Error, CustomStringConvertible { let description = "it broke" }
        let event = LogEvent(
            level: .error, message: "Failed", error: Broken(), metadata: ["a": "event"], source: nil, file: "F",
            function: "f", line: 1)
        let entry = LogEntry(event, context: ["a": "logger", "b": "logger"])
        #expect(entry.line == "Failed a=event b=logger error=\"it broke\"")
    }
}
