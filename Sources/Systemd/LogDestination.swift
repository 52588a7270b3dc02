import CSystemd
import Glibc

/// Where log entries go.
public enum LogDestination: Sendable, Equatable {
    /// The journal's own socket, with every field.
    case journal
    /// Lines on a file descriptor that start with `<N>`, the priority as syslog counts it; journald reads these from stderr.
    case prefixed(descriptor: Int32)
    /// Lines for a person: a time, a level, the message.
    case terminal(descriptor: Int32)

    /// The journal when systemd connected it to this process's stderr, a person's lines when stderr is a terminal, lines
    /// with priorities otherwise.
    ///
    /// `sd_journal_sendv` answers 0 without a journal too, so `$JOURNAL_STREAM`, which names the device and inode of the
    /// journal's end, is compared with stderr: a redirected stderr is not the journal's.
    public static func detect(journalStream: String? = environmentValue("JOURNAL_STREAM")) -> LogDestination {
        var status = stat()
        if let journalStream, fstat(STDERR_FILENO, &status) == 0,
            journalStream == "\(status.st_dev):\(status.st_ino)"
        {
            return .journal
        }
        return isatty(STDERR_FILENO) == 1 ? .terminal(descriptor: STDERR_FILENO) : .prefixed(descriptor: STDERR_FILENO)
    }
}

/// The value of an environment variable of this process.
public func environmentValue(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
}
