import JobStore
import Jobs
import Logging
import ServiceLifecycle
import Spool

/// Forgets finished jobs, and removes old files from `failed/`, when the settings say so: at the start and once an hour. It never
/// deletes a picture.
struct Janitor: Service {
    private static let interval = Duration.seconds(3600)

    let store: JobStore
    let spool: Spool
    let settings: LiveSettings
    let logger: Logger
    private let disk = DiskThread(name: "janitor")

    /// Cleans up until the daemon stops.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                await forgetJobs()
                await disk.run { removeFailures() }
                try await Task.sleep(for: Self.interval, tolerance: .seconds(60))
            }
        }
    }

    private func forgetJobs() async {
        guard let age = settings.current.keepFinished else { return }
        do {
            let count = try await store.deleteFinished(before: .now + (.zero - age))
            if count > 0 { logger.info("Forgot finished jobs", metadata: ["jobs": "\(count)"]) }
        } catch {
            logger.warning("Finished jobs could not be forgotten", metadata: ["error": "\(error)"])
        }
    }

    private func removeFailures() {
        guard let age = settings.current.keepFailed else { return }
        do {
            let count = try spool.removeFailures(before: .now + (.zero - age))
            if count > 0 { logger.info("Removed old files from failed/", metadata: ["files": "\(count)"]) }
        } catch {
            logger.warning("Old files could not be removed from failed/", metadata: ["error": "\(error)"])
        }
    }
}
