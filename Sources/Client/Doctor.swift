import Foundation
import Planner
import Settings
import SystemPackage
import Varlink

/// Looks at a host and an installation, and says what this host can do and what must be mended. Changes nothing.
struct Doctor: Sendable {
    let layout: Layout
    let daemon: DaemonClient
    let engine: Engine

    /// The whole check-up.
    func examine() -> CheckUp {
        // The daemon alone knows where it looks for models; without it, it is those that it would find by its settings.
        let models = try? daemon.call(Models.self, Nothing()).models
        let configured = (try? Settings.load(layout: layout))?.modelDirectories ?? []
        let directories = models == nil ? (configured + layout.models).map(\.string) : []
        let probe = Result { () throws(Engine.Failure) in try engine.probe(directories) }
        let found = models.map { Self.finding($0) } ?? Self.finding(probe, directories)
        return CheckUp(findings: [settings()] + host(probe) + [found] + spool() + [control()])
    }

    private func settings() -> Finding {
        do throws(SettingsError) {
            _ = try Settings.load(layout: layout)
            let isThere = FileManager.default.fileExists(atPath: layout.configuration.string)
            return .ok(
                "settings", isThere ? layout.configuration.string : "defaults (\(layout.configuration) is not there)")
        } catch {
            return .fail("settings", error.description, hint: "mend the file, or remove it for the defaults")
        }
    }

    private func host(_ probe: Result<ProbeInfo, Engine.Failure>) -> [Finding] {
        let profile: HostProfile
        switch probe {
        case .failure(let failure):
            return [.fail("kernels", "cannot be looked at: \(failure.message)", hint: failure.hint)]
        case .success(let info):
            guard let host = info.host else {
                return [
                    .fail("kernels", info.hostProblem ?? "unknown", hint: "install libopenblas0, or unset LATENTD_ISA")
                ]
            }
            profile = host
        }
        let pin = ProcessInfo.processInfo.environment["LATENTD_ISA"]
        let kernels = "\(profile.isa)" + (pin == nil ? "" : " (LATENTD_ISA forces it)")
        let granted = profile.cgroupMemoryBytes.map { "\(bytesText($0)) by the control group, " } ?? ""
        let settings = (try? Settings.load(layout: layout)) ?? Settings()
        let limit = settings.memoryLimit.bytes(of: profile.grantedMemoryBytes) ?? profile.defaultMemoryLimitBytes
        return [
            .ok("processor", "\(profile.cpuModel), \(profile.cores) cores, \(profile.features.joined(separator: " "))"),
            profile.isa == "scalar"
                ? .warn(
                    "kernels", kernels, hint: "this CPU's vector instructions are not used: pictures take much longer")
                : .ok("kernels", "\(kernels), \(profile.threads) threads"),
            .ok("OpenBLAS", "kernels for \(profile.blasCore)"),
            .ok("memory", "a job may take \(bytesText(limit)) (\(granted)\(bytesText(profile.memoryBytes)) in all)"),
        ]
    }

    private static func finding(_ models: [ModelInfo]) -> Finding {
        finding(
            usable: models.filter { $0.problem == nil }.map(\.name),
            problems: models.compactMap { model in model.problem.map { "\(model.path): \($0)" } },
            none: "the daemon has none")
    }

    private static func finding(_ probe: Result<ProbeInfo, Engine.Failure>, _ directories: [String]) -> Finding {
        switch probe {
        case .failure(let failure):
            .fail("models", "cannot be looked at: \(failure.message)", hint: failure.hint)
        case .success(let info):
            finding(
                usable: info.models, problems: info.problems, none: "none in \(directories.joined(separator: ", "))")
        }
    }

    private static func finding(usable: [String], problems: [String], none: String) -> Finding {
        let problem = problems.joined(separator: "; "), names = usable.joined(separator: ", ")
        if usable.isEmpty {
            return .fail(
                "models", problems.isEmpty ? none : problem,
                hint: "put a model folder there, or start with 'latentd serve --models DIR'")
        }
        return problems.isEmpty
            ? .ok("models", names)
            : .warn("models", "\(names); not usable: \(problem)", hint: "mend or remove those folders")
    }

    private func spool() -> [Finding] {
        let incoming = layout.spool.appending("incoming").string
        var findings: [Finding] = []
        if access(incoming, W_OK | X_OK) == 0 {
            findings.append(.ok("spool", "you may drop jobs into \(incoming)"))
        } else if errno == ENOENT {
            findings.append(
                .warn(
                    "spool", "\(incoming) is not there", hint: "the daemon makes it when it starts for the first time"))
        } else {
            findings.append(
                .fail(
                    "spool", "you may not write to \(incoming): \(String(cString: strerror(errno)))",
                    hint: "join the group that owns it (usually 'latentd')"))
        }
        guard let free = freeBytes(layout.spool.string) else { return findings }
        let reserve = ((try? Settings.load(layout: layout)) ?? Settings()).freeSpaceReserve.bytes
        findings.append(
            free >= reserve
                ? .ok("disk", "\(bytesText(free)) free for pictures")
                : .fail("disk", "\(bytesText(free)) free", hint: "no job starts below \(bytesText(reserve)): make room")
        )
        return findings
    }

    private func freeBytes(_ path: String) -> Int? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return Int(
            clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }

    private func control() -> Finding {
        do throws(ClientError) {
            let status = try daemon.call(Status.self, Nothing())
            let state = status.paused ? "paused" : status.waitingFor.map { "waits for \($0)" } ?? "ready"
            return .ok("daemon", "latentd \(status.version), process \(status.processID), \(state)")
        } catch {
            return .warn("daemon", error.description, hint: "jobs in the spool wait until it runs")
        }
    }
}

/// One thing that `doctor` looked at.
struct Finding: Encodable, Sendable, Equatable {
    enum Verdict: String, Encodable, Sendable {
        case ok
        /// It works, but not as well as it could, or not everything does.
        case warn
        /// It must be mended.
        case fail
    }

    let subject: String
    let verdict: Verdict
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
    let findings: [Finding]

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
