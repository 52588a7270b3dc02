import Logging
import ServiceLifecycle
import Settings
import Systemd
import UnixSignals

/// Reads the settings again on SIGHUP. Wrong ones are logged and the old ones stay in force.
///
/// The number of threads is fixed at the start: a change needs a restart, which the log says.
struct Reload: Service {
    /// Trapped before READY=1: a signal that comes early must not end the daemon.
    let signals: UnixSignalsSequence
    let settings: LiveSettings
    let notifier: Notifier
    let logger: Logger
    /// Reads the settings.
    let load: @Sendable () throws(SettingsError) -> Settings
    /// Puts them in force where `settings` is not asked each time; may wait for the picture that is being made.
    let apply: @Sendable (Settings) async throws -> Void

    /// Reloads at every SIGHUP until the daemon stops.
    func run() async throws {
        for try await _ in signals.cancelOnGracefulShutdown() {
            notifier.reloading()
            let new = reload()
            notifier.ready()
            if let new { await put(new) }
        }
    }

    private func reload() -> Settings? {
        do throws(SettingsError) {
            let new = try load()
            let old = settings.current
            settings.replace(with: new)
            if new.threads != old.threads {
                logger.warning("A setting changed that needs a restart")
            }
            logger.notice("Reloaded the settings")
            return new
        } catch {
            logger.error("The settings were not reloaded", metadata: ["error": "\(error)"])
            return nil
        }
    }

    private func put(_ new: Settings) async {
        do {
            try await apply(new)
        } catch {
            logger.error("The settings could not be put in force", metadata: ["error": "\(error)"])
        }
    }
}
