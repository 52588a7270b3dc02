import JobStore
import Jobs
import Logging
import ServiceLifecycle
import Spool

/// Forgets finished jobs, and removes old files from `failed/`, when the settings say so: at the start and once an hour. It never
/// deletes a picture.
package struct Janitor: Service {
    private static let interval = Duration.seconds(3600)

    private let store: JobStore
    private let spool: Spool
    private let settings: LiveSettings
    private let clock: Clock
    private let logger: Logger
    private let disk = DiskThread(name: "janitor")

    /// A janitor that asks `clock` how old things are.
    package init(store: JobStore, spool: Spool, settings: LiveSettings, clock: Clock, logger: Logger) {
        (self.store, self.spool, self.settings, self.clock, self.logger) = (store, spool, settings, clock, logger)
    }

    /// Cleans up until the daemon stops.
    package func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                await cleanUp()
                try await Task.sleep(for: Self.interval, tolerance: .seconds(60))
            }
        }
    }

    /// Cleans up once.
    package func cleanUp() async {
        await forgetJobs()
        await disk.run { removeFailures() }
    }

    private func forgetJobs() async {
        guard let age = settings.current.keepFinished else { return }
        do {
            let count = try await store.deleteFinished(before: clock.now() + (.zero - age))
            if count > 0 { logger.info("Forgot finished jobs", metadata: ["jobs": "\(count)"]) }
        } catch {
            logger.warning("Finished jobs could not be forgotten", metadata: ["error": "\(error)"])
        }
    }

    private func removeFailures() {
        guard let age = settings.current.keepFailed else { return }
        do {
            let count = try spool.removeFailures(before: clock.now() + (.zero - age))
            if count > 0 { logger.info("Removed old files from failed/", metadata: ["files": "\(count)"]) }
        } catch {
            logger.warning("Old files could not be removed from failed/", metadata: ["error": "\(error)"])
        }
    }
}
