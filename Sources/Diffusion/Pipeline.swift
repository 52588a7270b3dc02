import Compute
import Models

/// A model, ready to make pictures: text encoder, UNet and decoder over one pool of threads.
///
/// Owned by one thread. Opening reads configurations and checks them; weights are loaded by the first picture (or by
/// `load()`), and stay as `residency` says.
public final class Pipeline {
    /// The model's folder.
    public let folder: ModelFolder
    /// What stays loaded between pictures and between stages.
    public var residency: Residency
    /// Settings that the model's own files suggest.
    public let defaults: PipelineDefaults

    /// Opens a model. Wrong files throw here as far as configurations can tell.
    public init(folder: ModelFolder, threads: Int, residency: Residency = .together) throws(DiffusionError) {
        self.folder = folder
        self.residency = residency
        defaults = PipelineDefaults(
            width: 512, height: 512, steps: 50, guidanceScale: 7.5, sampler: .ddim, sizeFactor: threads)
    }

    /// Loads all weights, so that the first picture starts at once.
    public func load() throws(DiffusionError) {}

    /// Lets all weights go.
    public func unload() {}

    /// Refuses settings that the model cannot take; makes nothing.
    public func check(_ settings: GenerationSettings) throws(DiffusionError) {}

    /// The memory that a picture with these settings will take.
    public func memoryPlan(_ settings: GenerationSettings) throws(DiffusionError) -> MemoryPlan {
        MemoryPlan(stages: [], residency: residency)
    }

    /// Makes a picture. `dump`, unless nil, receives the intermediate tensors.
    ///
    /// - Parameter observer: told of every stage, block and step, on this thread. When it throws, the picture is given up
    ///   at the end of the step (or stage) with `DiffusionError.stopped`.
    public func generate(
        _ settings: GenerationSettings, observer: (PipelineProgress) throws -> Void, dump: inout TensorDump?
    ) throws(DiffusionError) -> Generation {
        throw .setting(field: "prompt", reason: "no network is there yet")
    }

    /// Makes a picture without a dump.
    public func generate(
        _ settings: GenerationSettings, observer: (PipelineProgress) throws -> Void = { _ in }
    ) throws(DiffusionError) -> Generation {
        var dump: TensorDump?
        return try generate(settings, observer: observer, dump: &dump)
    }
}
