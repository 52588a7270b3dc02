import ServiceLifecycle
import Systemd

/// Begins the daemon's end, whoever asked for it: the last service of the group, so that a stop reaches it first.
struct Farewell: Service {
    let stop: StopSignal
    let notifier: Notifier

    /// Waits for the end, and tells everybody that no service's shutdown reaches: inference, and who waits for it.
    func run() async throws {
        try? await gracefulShutdown()
        stop.request()
        notifier.stopping(status: "Ends the current step")
    }
}
