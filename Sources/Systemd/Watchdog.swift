import Glibc
import Synchronization

/// The service manager's watchdog, fed by progress.
///
/// Whoever got something done calls ``pet()``: inference after each block, the daemon's event loop while no job runs. There
/// is no timer here on purpose, since a timer would go on while the work hangs.
public final class Watchdog: Sendable {
    /// The manager kills the service after this long without a sign; `nil` when it does not watch this process.
    public let interval: Duration?
    private let notifier: Notifier
    private let now: @Sendable () -> Duration
    private let lastSign: Atomic<Int64>

    /// A watchdog of `interval`, by default as `WATCHDOG_USEC` and `WATCHDOG_PID` say.
    ///
    /// `now` is a monotonic clock's reading.
    public init(
        notifier: Notifier,
        interval: Duration? = Watchdog.announcedInterval(),
        now: @escaping @Sendable () -> Duration = Watchdog.monotonicTime
    ) {
        self.notifier = notifier
        self.interval = interval
        self.now = now
        lastSign = Atomic(Int64.min)
    }

    /// How often the daemon's event loop should call ``pet()`` while no job runs.
    public var idleInterval: Duration? { interval.map { $0 / 2 } }

    /// Reports progress. Cheap enough to call after every block: at most one message a quarter of the interval is sent.
    ///
    /// Any thread may call it.
    public func pet() {
        guard let interval else { return }
        let current = Self.milliseconds(now())
        let last = lastSign.load(ordering: .relaxed)
        guard last == .min || current - last >= Self.milliseconds(interval) / 4 else { return }
        let isMine = lastSign.compareExchange(expected: last, desired: current, ordering: .relaxed).exchanged
        if isMine { notifier.watchdog() }
    }

    /// What systemd put into the environment of `process`; `nil` when another process is watched, or none.
    public static func announcedInterval(
        microseconds: String? = environmentValue("WATCHDOG_USEC"),
        watchedProcess: String? = environmentValue("WATCHDOG_PID"),
        process: Int32 = getpid()
    ) -> Duration? {
        guard let microseconds = microseconds.flatMap(Int64.init), microseconds > 0 else { return nil }
        if let watchedProcess, watchedProcess != "\(process)" { return nil }
        return .microseconds(microseconds)
    }

    /// The time since some fixed moment, by `CLOCK_MONOTONIC`.
    public static func monotonicTime() -> Duration {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    }
}
