import Compute
import Models

/// Why a picture could not be made.
public enum DiffusionError: Error, Sendable, CustomStringConvertible {
    /// The model's files are wrong.
    case model(ModelError)
    /// The host refused memory or threads.
    case compute(ComputeError)
    /// What does not fit into memory could not be kept on the disk.
    case scratch(ModelError)
    /// No way of running a stage takes less memory than `leastBytes`.
    case insufficientMemory(StageName, leastBytes: Int, limitBytes: Int)
    /// A setting that this model cannot take; the field as `GenerationSettings` has it, in the spelling of a job.
    case setting(field: String, reason: String)
    /// The latents are no numbers after a step: the weights are damaged, or the settings are beyond what they bear.
    case notFinite(step: Int)
    /// What a stage made are no numbers: as `notFinite`, of any stage but the steps of the UNet.
    case resultNotFinite(StageName)
    /// Bytes that are no saved walk, or not all of one.
    case unreadableWalk(reason: String)
    /// The observer threw, or somebody raised the pipeline's flag, and the picture was given up.
    case stopped(any Error)

    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .model(let error): error.description
        case .compute(let error): error.description
        case .scratch(let error): "There is no scratch file: \(error.description)"
        case .insufficientMemory(let stage, let least, let limit):
            "The stage '\(stage.rawValue)' takes \(least) bytes at the least, and may take \(limit)."
        case .setting(let field, let reason): "The setting '\(field)' does not fit the model: \(reason)."
        case .notFinite(let step):
            "The latents are not finite after step \(step): the model's weights are damaged, or its guidance scale is too high."
        case .resultNotFinite(let stage):
            "The result of the stage '\(stage.rawValue)' is not finite: the model's weights are damaged, or overflow."
        case .unreadableWalk(let reason): "The saved walk cannot be continued: \(reason)."
        case .stopped(let error): "The picture was given up: \(error)."
        }
    }

    /// True when the same request may succeed later: memory, threads or room on the disk were short.
    public var isTransient: Bool {
        switch self {
        case .compute, .scratch: true
        case .model, .insufficientMemory, .setting, .notFinite, .resultNotFinite, .unreadableWalk, .stopped:
            false
        }
    }

    /// Runs what can find a model's files wrong.
    static func wrapping<T>(_ body: () throws(ModelError) -> T) throws(DiffusionError) -> T {
        do throws(ModelError) { return try body() } catch { throw .model(error) }
    }
}
