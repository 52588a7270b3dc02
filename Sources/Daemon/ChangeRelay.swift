import JobStore
import ServiceLifecycle

/// Carries the queue's changes to whoever watches over the control socket.
struct ChangeRelay: Service {
    let store: JobStore
    let board: ProgressBoard

    /// Relays until the daemon stops.
    func run() async throws {
        for await change in store.changes().cancelOnGracefulShutdown() { board.note(change.id) }
    }
}
