import JobStore
import Jobs
import Planner
import ServiceLifecycle
import Spool
import Varlink

/// The control socket: `org.latentd`, for `latentctl` and anybody who speaks Varlink.
///
/// Handlers run on the server's own threads and may wait for the store. They change nothing but through the store.
struct Control: Service {
    private let server: Server

    /// Listens at `path`, for its user alone where the instance is private; callers are served once `run` begins.
    init(path: String, desk: ControlDesk) throws(VarlinkError) {
        server = try Server(path: path, router: desk.router(), mode: desk.authority.isPrivate ? 0o600 : 0o660)
    }

    /// Serves until the daemon stops.
    func run() async throws {
        server.start()
        try? await gracefulShutdown()
        await server.stop()
    }
}
