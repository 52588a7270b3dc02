import Models
import Terms

/// What a model's own files say about settings that a job leaves out.
public struct PipelineDefaults: Hashable, Sendable {
    /// The size that the model was trained for, in pixels.
    public var width: Int, height: Int
    /// diffusers' default for the folder's pipeline class.
    public var steps: Int
    /// diffusers' default for the folder's pipeline class.
    public var guidanceScale: Float
    /// The sampler that the folder names; nil where latentd does not have it, or not as the folder wants it: a job has to name one.
    public var sampler: Sampler?
    /// Why there is no sampler; nil where there is one.
    public var samplerProblem: ModelError?
    /// The samplers that the folder can be used with, never none.
    public var samplers: [Sampler]
    /// Whether the sampler `pndm` begins with Runge-Kutta steps here, which are four evaluations each, and takes no less than four.
    public var runsRungeKutta: Bool
    /// A picture's sides are multiples of this.
    public var sizeFactor: Int

    /// What a family's pipeline suggests, and the samplers that a model's scheduler file allows.
    ///
    /// - Parameters:
    ///   - latents: The size that the model was trained for.
    ///   - factor: Pixels of a side for one latent.
    init(
        latents: (height: Int, width: Int), factor: Int, steps: Int, guidanceScale: Float,
        _ schedulers: SchedulerConfiguration
    ) throws(ModelError) {
        width = latents.width * factor
        height = latents.height * factor
        self.steps = steps
        self.guidanceScale = guidanceScale
        samplers = try schedulers.samplers()
        runsRungeKutta = (try? schedulers.runsRungeKutta()) ?? false
        do throws(ModelError) { sampler = try schedulers.defaultSampler() } catch { samplerProblem = error }
        sizeFactor = factor
    }

    /// A sampler that any number of steps from 2 on can be tried with: the folder's own, if it can.
    public var trialSampler: Sampler {
        let fitting = (sampler.map { [$0] } ?? []) + samplers
        return fitting.first { !$0.repeatsItsStart || !runsRungeKutta } ?? samplers[0]
    }
}
