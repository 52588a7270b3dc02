import Jobs
import Planner
import Varlink

/// Follows one picture on the inference thread: feeds the watchdog, tells the board, and gives up when it should.
///
/// The share of the work that is done is counted in predicted seconds where a prediction exists, and otherwise by usual shares.
final class ProgressMeter {
    /// The phases of a picture in their order.
    enum Stage: String, CaseIterable {
        case loading, encoding, denoising, decoding, writing
    }

    /// Why it was given up; nil while it was not.
    private(set) var interruption: Interruption?
    /// Steps that are done.
    private(set) var step = 0

    private let id: JobID
    private let steps: Int
    private let board: ProgressBoard
    private let weights: [Stage: Double]
    private let start = ContinuousClock.now
    private let onBlock: () -> Void
    private let onStep: (ProgressInfo) -> Void
    private let interrupt: () -> Interruption?
    private var stage = Stage.loading

    /// - Parameters:
    ///   - onBlock: called after every block, cheap.
    ///   - onStep: called after every step and at every new stage.
    ///   - interrupt: asked after every step whether to give up.
    init(
        id: JobID, plan: Plan, board: ProgressBoard, onBlock: @escaping () -> Void,
        onStep: @escaping (ProgressInfo) -> Void, interrupt: @escaping () -> Interruption?
    ) {
        self.id = id
        steps = plan.variant.steps
        self.board = board
        self.onBlock = onBlock
        self.onStep = onStep
        self.interrupt = interrupt
        weights = Self.weights(plan.prediction)
        report()
    }

    /// A stage begins.
    func enter(_ stage: Stage) throws(Interruption) {
        self.stage = stage
        report()
        try check()
    }

    /// A block is done.
    func block() { onBlock() }

    /// Step `number` (from 1) is done.
    func finish(step number: Int) throws(Interruption) {
        step = number
        onBlock()
        report()
        try check()
    }

    private func check() throws(Interruption) {
        guard let reason = interrupt() else { return }
        interruption = reason
        throw reason
    }

    private func report() {
        let info = progress
        board.update(id, info)
        onStep(info)
    }

    private var progress: ProgressInfo {
        let total = weights.values.reduce(0, +)
        let before = Stage.allCases.prefix { $0 != stage }.reduce(0) { $0 + (weights[$1] ?? 0) }
        let inside = stage == .denoising ? (weights[.denoising] ?? 0) * Double(step) / Double(max(steps, 1)) : 0
        let fraction = total > 0 ? (before + inside) / total : 0
        let elapsed = (ContinuousClock.now - start).inSeconds
        return ProgressInfo(
            stage: stage.rawValue, step: step, steps: steps, fraction: fraction, elapsedSeconds: elapsed,
            remainingSeconds: fraction > 0.02 ? elapsed * (1 - fraction) / fraction : nil)
    }

    private static func weights(_ prediction: Prediction?) -> [Stage: Double] {
        guard let prediction, prediction.totalSeconds > 0 else {
            return [.loading: 5, .encoding: 2, .denoising: 80, .decoding: 11, .writing: 2]
        }
        return [
            .loading: prediction.loadSeconds, .encoding: prediction.textSeconds,
            .denoising: prediction.denoiseSeconds, .decoding: prediction.decodeSeconds,
            .writing: prediction.encodeSeconds,
        ]
    }
}
