import ServiceLifecycle

/// The pauses between attempts at something that an error which passes has stopped: short ones first, since most pass at once,
/// then five seconds each.
struct Pauses {
    private static let longest = Duration.seconds(5)

    private var length = Duration.milliseconds(250)
    /// Whether there was a pause already.
    private(set) var hasBegun = false

    /// Waits a little, no longer than `limit`, and not for a daemon that stops.
    mutating func next(atMost limit: Duration? = nil) async {
        hasBegun = true
        let length = min(length, limit ?? length)
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: length) }
        self.length = min(length * 2, Self.longest)
    }
}
