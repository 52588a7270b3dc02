/// What a model's own files say about settings that a job leaves out.
public struct PipelineDefaults: Hashable, Sendable {
    /// The size that the model was trained for, in pixels.
    public var width: Int, height: Int
    /// diffusers' default for the folder's pipeline class.
    public var steps: Int
    /// diffusers' default for the folder's pipeline class.
    public var guidanceScale: Float
    /// The sampler of `scheduler_config.json`; DDIM where the folder names one that latentd does not have.
    public var sampler: Sampler
    /// A picture's sides are multiples of this.
    public var sizeFactor: Int
}
