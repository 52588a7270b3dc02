public import Logging
import Synchronization

/// A log level that a reload may change for every logger of the process.
public final class SharedLogLevel: Sendable {
    private let level: Mutex<Logger.Level>

    /// A level that is `level` for now.
    public init(_ level: Logger.Level) { self.level = Mutex(level) }

    /// The level in force.
    public var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

/// A handler that asks a ``SharedLogLevel`` and leaves the rest to another handler.
public struct AdjustableLogHandler<Base: LogHandler>: LogHandler {
    private var base: Base
    private let shared: SharedLogLevel

    /// A handler that writes through `base` what is as important as `level`.
    public init(_ base: Base, level: SharedLogLevel) {
        self.base = base
        shared = level
    }

    /// The level that is shared.
    public var logLevel: Logger.Level {
        get { shared.current }
        set { shared.current = newValue }
    }

    /// The data that every entry carries.
    public var metadata: Logger.Metadata {
        get { base.metadata }
        set { base.metadata = newValue }
    }

    /// One datum of ``metadata``.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { base[metadataKey: key] }
        set { base[metadataKey: key] = newValue }
    }

    /// Writes one entry.
    public func log(event: LogEvent) { base.log(event: event) }
}
