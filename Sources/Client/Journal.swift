import Foundation

/// The journal's lines about latentd, by journalctl.
struct Journal: Sendable {
    private let arguments: [String]

    /// The lines about the job `id`, or about the service.
    init(id: String?, follow: Bool, lines: Int?, json: Bool) {
        let options = [
            id.map { "JOB_ID=\($0)" }, follow ? "--follow" : nil, lines.map { "--lines=\($0)" },
            "--output=\(json ? "json" : "short-iso")",
        ]
        arguments = ["journalctl", "SYSLOG_IDENTIFIER=latentd"] + options.compactMap { $0 }
    }

    /// Becomes journalctl; returns only by throwing.
    func show() throws(ClientError) {
        var pointers = arguments.map { strdup($0) }
        pointers.append(nil)
        // It inherits what we ignore.
        signal(SIGPIPE, SIG_DFL)
        signal(SIGXFSZ, SIG_DFL)
        execvp("journalctl", pointers)
        let reason = String(cString: strerror(errno))
        for pointer in pointers { free(pointer) }
        throw .configuration("cannot run journalctl (\(reason)): without systemd, latentd writes to its standard error")
    }
}
