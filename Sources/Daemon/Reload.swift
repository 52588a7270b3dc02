import Logging
import ServiceLifecycle
import Settings
import Systemd
import UnixSignals

/// Reads the settings again on SIGHUP. Wrong ones are logged and the old ones stay in force.
///
/// What is fixed at the start (threads, OpenBLAS's kernels) needs a restart, which the log says.
struct Reload: Service {
    let settings: LiveSettings
    let load: @Sendable () throws(SettingsError) -> Settings
    let apply: @Sendable (Settings) -> Void
    let notifier: Notifier
    let logger: Logger

    /// Reloads at every SIGHUP until the daemon stops.
    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            notifier.reloading()
            reload()
            notifier.ready()
        }
    }

    private func reload() {
        do throws(SettingsError) {
            let new = try load()
            let old = settings.current
            settings.replace(with: new)
            apply(new)
            if new.threads != old.threads || new.openblasCoreType != old.openblasCoreType {
                logger.warning("A setting changed that needs a restart")
            }
            logger.notice("Reloaded the settings")
        } catch {
            logger.error("The settings were not reloaded", metadata: ["error": "\(error)"])
        }
    }
}
