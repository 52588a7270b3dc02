import Foundation
import Planner
import Rendering
public import Settings
import SystemPackage
import Varlink

/// Looks at a host and an installation, and says what this host can do and what must be mended. Changes nothing.
public struct Doctor: Sendable {
    private let layout: Layout
    private let daemon: DaemonClient

    /// Looks at the instance of `layout`, whose daemon is `daemon`.
    public init(layout: Layout, daemon: DaemonClient) {
        self.layout = layout
        self.daemon = daemon
    }

    /// The whole check-up.
    public func examine() -> CheckUp {
        CheckUp(findings: [settings()] + host() + [models()] + spool() + [control()])
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

    private func host() -> [Finding] {
        let profile: HostProfile
        do throws(RenderingError) {
            profile = try Renderer.hostProfile(threads: 0)
        } catch {
            return [.fail("kernels", error.description, hint: "install libopenblas0, or unset LATENTD_ISA")]
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

    private func models() -> Finding {
        let configured = (try? Settings.load(layout: layout))?.modelDirectories ?? []
        let directories = (configured + layout.models).map(\.string)
        let catalog = ModelCatalog(directories: directories)
        let problems = catalog.problems.map { "\($0.path): \($0.error)" }.joined(separator: "; ")
        if catalog.models.isEmpty {
            return .fail(
                "models", problems.isEmpty ? "none in \(directories.joined(separator: ", "))" : problems,
                hint: "put a model folder there, or start with 'latentd serve --models DIR'")
        }
        let names = catalog.facts.map(\.name).joined(separator: ", ")
        return problems.isEmpty
            ? .ok("models", names)
            : .warn("models", "\(names); not usable: \(problems)", hint: "mend or remove those folders")
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
