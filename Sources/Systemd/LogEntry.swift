import Logging

/// One log event on its way out: a constant message and its fields, ready for any ``LogDestination``.
public struct LogEntry: Sendable {
    /// syslog's number: 2 critical ... 7 debug.
    public let priority: Int
    /// swift-log's name of the level.
    public let level: String
    /// The constant sentence.
    public let message: String
    /// The data, sorted by name, as logged (`job.id`).
    public let metadata: [(key: String, value: String)]

    /// Takes apart what a `Logger` hands to its handler; `context` is the logger's own metadata, which the event's overrides.
    public init(_ event: LogEvent, context: Logger.Metadata) {
        var merged = event.metadata.map { context.merging($0) { _, new in new } } ?? context
        if let error = event.error { merged["error"] = "\(error)" }
        priority = event.level.syslogPriority
        level = event.level.rawValue
        message = event.message.description
        metadata = merged.map { ($0.key, $0.value.description) }.sorted { $0.key < $1.key }
    }

    /// The entry in the journal's terms: `MESSAGE`, `PRIORITY`, then a field for each datum (`job.id` is `JOB_ID`).
    public func journalFields(identifier: String) -> [(name: String, value: String)] {
        [("MESSAGE", message), ("PRIORITY", "\(priority)"), ("SYSLOG_IDENTIFIER", identifier)]
            + metadata.compactMap { datum in Self.fieldName(datum.key).map { ($0, datum.value) } }
    }

    /// The entry as one line: the message, then `key=value` for each datum, quoted where it would be ambiguous.
    public var line: String {
        metadata.reduce(Self.printable(message)) { $0 + " \(Self.printable($1.key))=\(Self.quoted($1.value))" }
    }

    /// A journal field's name: capitals, digits and underscores, no underscore first, 64 bytes at most; `nil` if nothing is left.
    static func fieldName(_ key: String) -> String? {
        let name = key.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
            default: UInt8(ascii: "_")
            }
        }
        let start = name.drop { !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }.prefix(64)
        return start.isEmpty ? nil : String(decoding: start, as: UTF8.self)
    }

    private static func quoted(_ value: String) -> String {
        let isPlain = !value.isEmpty && value.unicodeScalars.allSatisfy { $0 > " " && $0 != "\"" && $0 != "=" }
        return isPlain ? printable(value) : "\"" + printable(value).replacing("\"", with: "\\\"") + "\""
    }

    /// Control characters would forge lines or drive a terminal: they are written as escapes.
    private static func printable(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { line, scalar in
            switch scalar {
            case "\n": line += "\\n"
            case _ where scalar.properties.generalCategory == .control:
                line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Logger.Level {
    /// The priority that syslog and the journal give this level.
    var syslogPriority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
