/// What a pipeline tells its observer.
public enum PipelineProgress: Sendable {
    /// The stage's weights are about to be loaded, if they are not there yet, and the stage to run.
    case stage(StageName)
    /// A block of a network was computed: the sign of life that a watchdog may trust.
    case block
    /// Denoising step `number` of `count` (from 1) ended after `duration`.
    case step(Int, of: Int, duration: Duration)
}
