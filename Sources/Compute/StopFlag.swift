import Synchronization

/// Asks long work to stop, from any thread, and hears of its progress.
///
/// ```
/// another thread:  raise(reason) ─┐
///                                 ▼
/// the worker:      parallelFor item ─ operation ─ block ─ weight: looks, skips what is left, throws the reason
/// ```
/// Made for one job: a flag that was raised stays so. Whoever works looks often, so a look is one relaxed load of an atomic.
public final class StopFlag: Sendable {
    private let raised = Atomic<Bool>(false)
    private let kept = Mutex<(any Error)?>(nil)
    private let onProgress: @Sendable () -> Void

    /// A flag that is not raised.
    ///
    /// - Parameter onProgress: called, on whatever thread works, whenever a part of work that has no blocks is done: a weight was laid
    ///   out, some of a file was read, another process was waited for. A sign of life that a watchdog may trust.
    public init(onProgress: @escaping @Sendable () -> Void = {}) { self.onProgress = onProgress }

    /// Whether somebody asked to stop.
    public var isRaised: Bool { raised.load(ordering: .relaxed) }

    /// Why, if somebody asked.
    public var reason: (any Error)? { kept.withLock { $0 } }

    /// Asks to stop. The first reason counts.
    public func raise(_ reason: any Error) {
        kept.withLock { kept in kept = kept ?? reason }
        raised.store(true, ordering: .releasing)
    }

    /// Says that a part of the work is done.
    public func progressed() { onProgress() }
}
