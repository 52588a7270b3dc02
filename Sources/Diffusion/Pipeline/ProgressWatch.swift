import Compute
import Models

/// Hands progress to an observer, and ends a picture in the middle of a network: what is left of it is left out.
///
/// ```
/// block ─ the observer throws, a mapped file is torn, the memory limit fell ─► context.giveUp() ─► the network runs out ─► check() throws
/// another thread raises the flag ───────────────────────────────────────────► context.isStopped ─┘
/// ```
final class ProgressWatch {
    private let observer: (PipelineProgress) throws -> Void
    private let stop: StopFlag?
    private var failure: DiffusionError?
    private var isOverLimit = false
    /// How many mappings were torn when somebody last looked which.
    private var tears = MappedFile.tears
    private var lastLook = ContinuousClock.now

    /// How often the memory limit and the states of files are asked for inside a stage: that costs some system calls.
    private static let interval = Duration.milliseconds(250)

    init(_ observer: @escaping (PipelineProgress) throws -> Void, stop: StopFlag?) {
        self.observer = observer
        self.stop = stop
    }

    /// A sign of life from inside a network. Where it is not to go on, its context gives up, and `check` says why.
    ///
    /// - Parameters:
    ///   - changedFile: looks for a file that was written in place.
    ///   - isOverLimit: whether less memory is allowed than the stage takes.
    func block(in context: Context, changedFile: () -> String?, isOverLimit: () -> Bool) {
        guard failure == nil else { return }
        do { try observer(.block) } catch { failure = .stopped(error) }
        let now = ContinuousClock.now, isTime = now - lastLook >= ProgressWatch.interval
        if isTime || MappedFile.tears != tears {
            tears = MappedFile.tears
            if failure == nil, let file = changedFile() { failure = .model(.changed(file: file)) }
        }
        if isTime {
            lastLook = now
            if failure == nil, isOverLimit() {
                self.isOverLimit = true
                failure = .stopped(LimitFell())
            }
        }
        if failure != nil { context.giveUp() }
    }

    /// Whether a stage was given up only because it took more memory than is allowed now; then it may go on with less.
    func takeFallenLimit() -> Bool {
        guard isOverLimit else { return false }
        (isOverLimit, failure) = (false, nil)
        return true
    }

    /// Tells of a stage or a step, and throws what the observer threw, now or before.
    func report(_ progress: PipelineProgress) throws(DiffusionError) {
        try check()
        do { try observer(progress) } catch { throw .stopped(error) }
    }

    /// Throws what made the context give up, or the reason that was raised. After it, what was computed is complete.
    func check() throws(DiffusionError) {
        if let failure { throw failure }
        if let reason = stop?.reason { throw .stopped(reason) }
    }
}

/// The memory limit fell below what a stage takes.
private struct LimitFell: Error {}
