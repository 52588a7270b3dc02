import JobStore
import ServiceLifecycle

/// Carries the queue's changes to whoever watches over the control socket.
struct ChangeRelay: Service {
    private let changes: AsyncStream<JobChange>
    private let board: ProgressBoard

    /// Listens from now on, so that nothing is missed before `run`.
    init(store: JobStore, board: ProgressBoard) {
        changes = store.changes()
        self.board = board
    }

    /// Relays until the daemon stops.
    func run() async throws {
        for try await change in changes.cancelOnGracefulShutdown() { board.note(change.id) }
    }
}
