import Logging
import ServiceLifecycle
import Synchronization

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
