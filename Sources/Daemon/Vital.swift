import Logging
import ServiceLifecycle
import Synchronization
import Systemd

/// A service that the daemon cannot live without: when it fails, or ends though nobody stopped it, that is said, and the group stops as
/// it does for SIGTERM.
struct Vital: Service, CustomStringConvertible {
    let name: String
    let service: any Service
    let failure: FirstFailure
    let stop: StopSignal
    let logger: Logger

    var description: String { name }

    /// Runs the service to the daemon's end. Throws what it threw.
    func run() async throws {
        do {
            try await service.run()
            // The group stops its services one after the other; those that look at the signal may end before it comes to them.
            guard Task.isShuttingDownGracefully || Task.isCancelled || stop.isStopping else {
                throw DaemonError.service("\(name) ended by itself")
            }
        } catch {
            failure.note(error)
            logger.error(
                "A service failed; the daemon stops", metadata: ["service": "\(name)", "error": "\(error)"])
            throw error
        }
    }
}

/// Why the daemon ends before anybody asked for it, however its end goes.
final class FirstFailure: Sendable {
    private let error = Mutex<(any Error)?>(nil)

    /// The first one noted.
    var cause: (any Error)? { error.withLock { $0 } }

    /// Keeps `cause` if it is the first.
    func note(_ cause: any Error) { error.withLock { $0 = $0 ?? cause } }
}

/// Says READY=1 once the group runs: from then on SIGTERM and SIGHUP are heard, and callers are served.
struct Readiness: Service {
    let notifier: Notifier
    let disk: DiskThread

    /// Tells the service manager, which may be slow to listen, and then waits for the end like every service.
    func run() async throws {
        await disk.run { notifier.ready(status: "Idle") }
        try? await gracefulShutdown()
    }
}

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
