/// One thing that `doctor` looked at.
struct Finding: Encodable, Sendable, Equatable {
    /// How it is.
    enum Verdict: String, Encodable, Sendable {
        /// As it should be.
        case ok
        /// It works, but not as well as it could, or not everything does.
        case warn
        /// It must be mended.
        case fail
    }

    /// What was looked at.
    let subject: String
    /// How it is.
    let verdict: Verdict
    /// What was found.
    let message: String
    /// What to do about it.
    let hint: String?

    static func ok(_ subject: String, _ message: String) -> Finding {
        Finding(subject: subject, verdict: .ok, message: message, hint: nil)
    }

    static func warn(_ subject: String, _ message: String, hint: String) -> Finding {
        Finding(subject: subject, verdict: .warn, message: message, hint: hint)
    }

    static func fail(_ subject: String, _ message: String, hint: String) -> Finding {
        Finding(subject: subject, verdict: .fail, message: message, hint: hint)
    }
}

/// Everything that `doctor` found.
struct CheckUp: Sendable {
    /// In the order of the look.
    let findings: [Finding]

    /// How many must be mended.
    var problems: Int { findings.count { $0.verdict == .fail } }

    /// A finding a line, its hint below.
    var text: String {
        let width = findings.map(\.subject.count).max() ?? 0
        return findings.map { finding in
            let name = finding.subject + String(repeating: " ", count: width - finding.subject.count)
            let verdict = finding.verdict == .ok ? "ok  " : finding.verdict.rawValue
            let line = "\(verdict)  \(name)  \(printable(finding.message))"
            return finding.hint.map { "\(line)\n\(String(repeating: " ", count: width + 8))\($0)" } ?? line
        }.joined(separator: "\n")
    }
}
