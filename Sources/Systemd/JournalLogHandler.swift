import CSystemd
import Glibc
public import Logging

/// A swift-log handler for a systemd service: a constant message a line, the data as journal fields.
///
/// Metadata keys become field names in capitals with underscores: `["job.id": "7"]` is `JOB_ID=7` in `journalctl -o json`,
/// and `journalctl JOB_ID=7` finds it. Without a journal the same goes to stderr as text. A write that fails is dropped:
/// logging never stops a job.
public struct JournalLogHandler: LogHandler {
    /// The least important level that is written.
    public var logLevel: Logger.Level
    /// Data that every entry carries.
    public var metadata: Logger.Metadata = [:]
    /// Data that is asked for at every entry.
    public var metadataProvider: Logger.MetadataProvider?
    private let identifier: String
    private let destination: LogDestination

    /// A handler whose entries carry `identifier` as `SYSLOG_IDENTIFIER`.
    public init(identifier: String, destination: LogDestination = .detect(), logLevel: Logger.Level = .info) {
        self.identifier = identifier
        self.destination = destination
        self.logLevel = logLevel
    }

    /// One datum of ``metadata``.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one entry; any thread may call this.
    public func log(event: LogEvent) {
        let context = metadataProvider.map { metadata.merging($0.get()) { _, new in new } } ?? metadata
        let entry = LogEntry(event, context: context)
        switch destination {
        case .journal:
            Self.send(entry.journalFields(identifier: identifier))
        case .prefixed(let descriptor):
            Self.write("<\(entry.priority)>\(entry.line)\n", to: descriptor)
        case .terminal(let descriptor):
            Self.write("\(Self.timeOfDay()) \(entry.level): \(entry.line)\n", to: descriptor)
        }
    }

    /// One datagram to journald. The kernel copies it before the call returns.
    private static func send(_ fields: [(name: String, value: String)]) {
        let texts = fields.map { Array("\($0.name)=\($0.value)".utf8) }
        let bytes = texts.flatMap { $0 }
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            let vectors = texts.map { text -> iovec in
                defer { offset += text.count }
                let start = UnsafeMutableRawPointer(mutating: buffer.baseAddress?.advanced(by: offset))
                return iovec(iov_base: start, iov_len: text.count)
            }
            _ = sd_journal_sendv(vectors, Int32(vectors.count))
        }
    }

    /// One `write(2)` a line, so that lines of several threads do not mix.
    private static func write(_ line: String, to descriptor: Int32) {
        var line = line
        line.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 && errno == EINTR { continue }
                guard written > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
            }
        }
    }

    private static func timeOfDay() -> String {
        var now = time(nil)
        var local = tm()
        localtime_r(&now, &local)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(two(local.tm_hour)):\(two(local.tm_min)):\(two(local.tm_sec))"
    }
}
