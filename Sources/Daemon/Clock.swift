import Foundation
import Jobs
import ServiceLifecycle
import Systemd

/// Where the daemon has the time from. Jobs, the queue and plans get theirs from here and nowhere else; tests have another one.
package struct Clock: Sendable {
    /// The time of day.
    package let now: @Sendable () -> Timestamp
    /// The time since some moment, which no correction of the time of day changes.
    package let elapsed: @Sendable () -> Duration

    /// A clock that shows what these say.
    package init(now: @escaping @Sendable () -> Timestamp, elapsed: @escaping @Sendable () -> Duration) {
        (self.now, self.elapsed) = (now, elapsed)
    }

    /// The system's clocks.
    package static let system = Clock {
        Timestamp(millisecondsSinceEpoch: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
    } elapsed: {
        Watchdog.monotonicTime()
    }
}

/// The pauses between attempts at something that an error which may pass has stopped: short ones first, since most errors pass at once,
/// then five seconds each.
package struct Pauses {
    static let longest = Duration.seconds(5)

    private var length = Duration.milliseconds(250)
    /// Whether there was a pause already.
    private(set) var hasBegun = false

    /// The length of the pause that begins now, at most `limit`.
    mutating func next(atMost limit: Duration? = nil) -> Duration {
        hasBegun = true
        let length = min(length, limit ?? length)
        self.length = min(length * 2, Self.longest)
        return length
    }
}

/// Waits for so long, but not for a daemon that stops.
func pause(for duration: Duration) async {
    try? await cancelWhenGracefulShutdown { try await Task.sleep(for: duration) }
}
