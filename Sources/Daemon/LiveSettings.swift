import Settings
import Synchronization

/// The settings in force, which SIGHUP may replace as a whole.
package final class LiveSettings: Sendable {
    private let settings: Mutex<Settings>

    package init(_ settings: Settings) { self.settings = Mutex(settings) }

    /// The settings as they are now; take them once for one decision.
    var current: Settings { settings.withLock { $0 } }

    /// Puts other settings in force.
    func replace(with new: Settings) { settings.withLock { $0 = new } }
}
