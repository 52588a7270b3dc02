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

    /// Reads a folder's configurations, and no weights.
    public init(folder: ModelFolder) throws(ModelError) {
        let unet = try folder.config("unet")
        let decoder = try DecoderConfiguration(folder)
        let isLatentConsistency = folder.pipelineClass == "LatentConsistencyModelPipeline"
        let size = try PipelineDefaults.sampleSize(unet, isRepaired: !isLatentConsistency)
        width = size.width * decoder.factor
        height = size.height * decoder.factor
        steps = isLatentConsistency ? 4 : 50
        guidanceScale = isLatentConsistency ? 8.5 : 7.5
        let schedulers = try SchedulerConfiguration(folder)
        samplers = try schedulers.samplers()
        runsRungeKutta = (try? schedulers.runsRungeKutta()) ?? false
        do throws(ModelError) { sampler = try schedulers.defaultSampler() } catch { samplerProblem = error }
        sizeFactor = decoder.factor
    }

    /// A sampler that any number of steps from 2 on can be tried with: the folder's own, if it can.
    public var trialSampler: Sampler {
        let fitting = (sampler.map { [$0] } ?? []) + samplers
        return fitting.first { !$0.repeatsItsStart || !runsRungeKutta } ?? samplers[0]
    }

    /// The UNet's own size in latent pixels, or 64.
    ///
    /// ## Easy to get wrong
    /// Files from before diffusers 0.9 that say less than 64 are wrong, and diffusers' pipeline repairs them.
    private static func sampleSize(
        _ config: Config, isRepaired: Bool
    ) throws(ModelError) -> (width: Int, height: Int) {
        guard let size = try UNetConfiguration(config).sampleSize else { return (64, 64) }
        if isRepaired, case .integer(..<64)? = config.members["sample_size"],
            case .string(let version)? = config.members["_diffusers_version"]
        {
            let numbers = version.split(separator: ".").prefix(2).map { Int($0) ?? 0 }
            if numbers.count == 2, numbers[0] == 0, numbers[1] < 9 { return (64, 64) }
        }
        return (size.width, size.height)
    }
}
