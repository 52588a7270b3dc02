import Logging
import ServiceLifecycle
import Settings
import Synchronization
import Systemd
import UnixSignals

/// The settings in force, which SIGHUP may replace as a whole.
package final class LiveSettings: Sendable {
    private let settings: Mutex<Settings>

    package init(_ settings: Settings) { self.settings = Mutex(settings) }

    /// The settings as they are now; take them once for one decision.
    var current: Settings { settings.withLock { $0 } }

    /// Puts other settings in force.
    func replace(with new: Settings) { settings.withLock { $0 = new } }
}

/// Reads the settings again on SIGHUP. Wrong ones are logged and the old ones stay in force.
///
/// The number of threads is fixed at the start: a change needs a restart, which the log says.
struct Reload: Service {
    /// Trapped before READY=1: a signal that comes early must not end the daemon.
    let signals: UnixSignalsSequence
    let settings: LiveSettings
    let notifier: Notifier
    let logger: Logger
    let disk: DiskThread
    /// Reads the settings.
    let load: @Sendable () throws(SettingsError) -> Settings
    /// Puts them in force where `settings` is not asked each time. Does not wait for the picture that is being made: a stop would have
    /// to wait with it.
    let apply: @Sendable (Settings) -> Void

    /// Reloads at every SIGHUP until the daemon stops.
    func run() async throws {
        for try await _ in signals.cancelOnGracefulShutdown() {
            await disk.run {
                notifier.reloading()
                let new = reload()
                notifier.ready()
                if let new { apply(new) }
            }
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
}
