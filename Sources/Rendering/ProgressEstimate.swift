import Diffusion
import Planner

/// Turns the pipeline's events into progress: predicted shares of the time, the rest of it from the steps seen so far.
struct ProgressEstimate {
    private let prediction: Prediction?
    private let start: ContinuousClock.Instant
    private var stage = RenderingProgress.Stage.loading
    private var step = 0
    private var steps: Int
    private var denoiseSeconds = 0.0

    init(steps: Int, prediction: Prediction?, start: ContinuousClock.Instant) {
        self.steps = steps
        self.prediction = prediction
        self.start = start
    }

    /// Notes a stage that begins.
    mutating func enter(_ stage: RenderingProgress.Stage) { self.stage = stage }

    /// Notes an event of the pipeline.
    mutating func note(_ event: PipelineProgress) {
        switch event {
        case .stage(.unet): stage = .denoising
        case .stage(.decoder): stage = .decoding
        case .stage: stage = .encoding
        case .block: break
        case .step(let number, let count, let duration):
            (step, steps) = (number, count)
            denoiseSeconds += duration / .seconds(1)
        }
    }

    /// The progress at `now`.
    func progress(at now: ContinuousClock.Instant) -> RenderingProgress {
        let remaining = remainingSeconds
        let elapsed = (now - start) / .seconds(1)
        let fraction = remaining.map { elapsed / max(elapsed + $0, 1e-9) } ?? Double(step) / Double(max(steps, 1))
        return RenderingProgress(
            stage: stage, step: step, steps: steps, fraction: min(max(fraction, 0), 1), elapsedSeconds: elapsed,
            remainingSeconds: remaining)
    }

    /// What lies ahead: the steps as the past ones took, all else as predicted.
    private var remainingSeconds: Double? {
        guard step > 0 || prediction != nil else { return nil }
        let denoise =
            step > 0
            ? denoiseSeconds / Double(step) * Double(steps - step) : prediction?.denoiseSeconds ?? 0
        let ahead = [
            (RenderingProgress.Stage.loading, prediction?.loadSeconds ?? 0),
            (.encoding, (prediction?.textSeconds ?? 0) + (prediction?.initImageSeconds ?? 0)),
            (.denoising, denoise), (.decoding, prediction?.decodeSeconds ?? 0),
            (.writing, prediction?.encodeSeconds ?? 0),
        ]
        let current = RenderingProgress.Stage.allCases.firstIndex(of: stage) ?? 0
        return ahead[current...].reduce(0) { $0 + $1.1 }
    }
}

/// How far a picture is: what the observer of a `Renderer` is told, on the rendering thread, at every sign of life.
public struct RenderingProgress: Equatable, Sendable {
    /// What is being done.
    public var stage: Stage
    /// Denoising steps that are done.
    public var step: Int
    /// Denoising steps in all.
    public var steps: Int
    /// 0...1, by predicted time where there is a prediction, else by steps.
    public var fraction: Double
    /// Since the rendering began.
    public var elapsedSeconds: Double
    /// Until the picture; nil while nothing is known.
    public var remainingSeconds: Double?

    /// The stages, in their order.
    public enum Stage: String, Sendable, CaseIterable, Codable {
        /// Reading the model.
        case loading
        /// The text encoder, and that of the picture to begin with.
        case encoding
        /// The steps.
        case denoising
        /// Latents to pixels.
        case decoding
        /// Pixels to a WebP.
        case writing
    }
}
