import JobStore
import Jobs
import Logging
import ServiceLifecycle

/// Forgets finished jobs when the settings say so: at the start and once an hour. Pictures are never deleted.
struct Janitor: Service {
    private static let interval = Duration.seconds(3600)

    let store: JobStore
    let settings: LiveSettings
    let logger: Logger

    /// Cleans up until the daemon stops.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                await sweep()
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
}
