import Jobs
import Rendering
import Systemd
import Varlink

/// Follows one picture on the inference thread: feeds the watchdog, tells the board and the service manager, and gives up when it
/// should.
///
/// It is told of every block. The watchdog hears of each; the others, and whoever may want to interrupt, only of new steps and stages.
struct RenderObserver: Sendable {
    /// The service manager need not hear of every step.
    private static let statusInterval = Duration.seconds(1)

    let job: Job
    let board: ProgressBoard
    let watchdog: Watchdog
    let notifier: Notifier
    let clock: Clock
    /// Asked at each step and stage whether to give up.
    let interruption: @Sendable () -> Interruption?
    private var last: (stage: RenderingProgress.Stage, step: Int)?
    private var lastStatus: Duration?

    init(
        job: Job, board: ProgressBoard, watchdog: Watchdog, notifier: Notifier, clock: Clock,
        interruption: @escaping @Sendable () -> Interruption?
    ) {
        (self.job, self.board, self.watchdog, self.notifier, self.clock) = (job, board, watchdog, notifier, clock)
        self.interruption = interruption
    }

    /// The picture came further. Throws when it is to be given up.
    mutating func note(_ progress: RenderingProgress) throws(Interruption) {
        watchdog.pet()
        if let last, last == (progress.stage, progress.step) { return }
        last = (progress.stage, progress.step)
        board.update(
            job.id,
            ProgressInfo(
                stage: progress.stage.rawValue, step: progress.step, steps: progress.steps, fraction: progress.fraction,
                elapsedSeconds: progress.elapsedSeconds, remainingSeconds: progress.remainingSeconds))
        let now = clock.elapsed()
        if lastStatus.map({ now - $0 >= Self.statusInterval }) ?? true {
            lastStatus = now
            notifier.status("\(job.name): \(progress.stage), step \(progress.step) of \(progress.steps)")
        }
        if let reason = interruption() { throw reason }
    }
}
