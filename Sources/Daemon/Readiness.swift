import ServiceLifecycle
import Systemd

/// Says READY=1 once the group runs: from then on SIGTERM and SIGHUP are heard, and callers are served.
struct Readiness: Service {
    let notifier: Notifier

    /// Tells the service manager, and then waits for the end like every service.
    func run() async throws {
        notifier.ready(status: "Idle")
        try? await gracefulShutdown()
    }
}
