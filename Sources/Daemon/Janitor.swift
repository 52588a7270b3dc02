import JobStore
import Jobs
import Logging
import ServiceLifecycle
import Spool

/// Forgets finished jobs, and removes old files from `failed/`, when the settings say so: at the start and once an hour. Pictures are
/// never deleted. Runs on a thread of its own, since the spool blocks for the disk.
actor Janitor: Service {
    private static let interval = Duration.seconds(3600)

    private let thread = ServiceThread(name: "janitor", stackSize: 1 << 20)
    private let store: JobStore
    private let spool: Spool
    private let settings: LiveSettings
    private let logger: Logger

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(store: JobStore, spool: Spool, settings: LiveSettings, logger: Logger) {
        (self.store, self.spool, self.settings, self.logger) = (store, spool, settings, logger)
    }

    /// Cleans up until the daemon stops.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                await self.sweep()
                await self.clear()
                try await Task.sleep(for: Self.interval, tolerance: .seconds(60))
            }
        }
    }

    private func sweep() async {
        guard let age = settings.current.keepFinished else { return }
        do {
            let count = try await store.deleteFinished(before: .now + (.zero - age))
            if count > 0 { logger.info("Forgot finished jobs", metadata: ["jobs": "\(count)"]) }
        } catch {
            logger.warning("Finished jobs could not be forgotten", metadata: ["error": "\(error)"])
        }
    }

    private func clear() {
        guard let age = settings.current.keepFailed else { return }
        do {
            let count = try spool.removeFailures(before: .now + (.zero - age))
            if count > 0 { logger.info("Removed old files from failed/", metadata: ["files": "\(count)"]) }
        } catch {
            logger.warning("Old files could not be removed from failed/", metadata: ["error": "\(error)"])
        }
    }
}
