import Logging
import Spool
import Synchronization

/// A log level that a reload may change for every logger of the process.
final class SharedLogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    init(_ level: Logger.Level) { self.level = Mutex(level) }

    /// The level in force.
    var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

/// A handler that asks a ``SharedLogLevel`` and leaves the rest to another handler.
struct AdjustableLogHandler<Base: LogHandler>: LogHandler {
    private var base: Base
    private let shared: SharedLogLevel

    init(_ base: Base, level: SharedLogLevel) {
        self.base = base
        shared = level
    }

    var logLevel: Logger.Level {
        get { shared.current }
        set { shared.current = newValue }
    }

    var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    func log(event: LogEvent) { base.log(event: event) }
}

extension Logger {
    /// Says what the spool coped with.
    func note(_ notice: SpoolNotice) {
        switch notice {
        case .remade(let path):
            warning("A folder of the spool was gone and was made again", metadata: ["path": "\(path)"])
        case .watchWaits(let error):
            warning("The watch of incoming/ waits", metadata: ["error": "\(error)"])
        }
    }
}
