import Jobs
import Rendering
import Varlink

/// Follows one picture on the inference thread: feeds the watchdog, tells the board, and gives up when it should.
///
/// It is told of every block. The watchdog hears of each; the board, and whoever may want to interrupt, only of new steps and
/// stages.
final class RenderObserver {
    private let id: JobID
    private let board: ProgressBoard
    private let onBlock: () -> Void
    private let onStep: (RenderingProgress) -> Void
    private let interruption: () -> Interruption?
    private var last: (stage: RenderingProgress.Stage, step: Int)?

    /// - Parameters:
    ///   - onBlock: called at every sign of life; cheap.
    ///   - onStep: called after every step and at every new stage.
    ///   - interruption: asked as often whether to give up.
    init(
        id: JobID, board: ProgressBoard, onBlock: @escaping () -> Void, onStep: @escaping (RenderingProgress) -> Void,
        interruption: @escaping () -> Interruption?
    ) {
        self.id = id
        self.board = board
        self.onBlock = onBlock
        self.onStep = onStep
        self.interruption = interruption
    }

    /// The picture came further. Throws when it is to be given up.
    func note(_ progress: RenderingProgress) throws(Interruption) {
        onBlock()
        if let last, last == (progress.stage, progress.step) { return }
        last = (progress.stage, progress.step)
        board.update(
            id,
            ProgressInfo(
                stage: progress.stage.rawValue, step: progress.step, steps: progress.steps, fraction: progress.fraction,
                elapsedSeconds: progress.elapsedSeconds, remainingSeconds: progress.remainingSeconds))
        onStep(progress)
        if let reason = interruption() { throw reason }
    }
}
