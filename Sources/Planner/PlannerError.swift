import Jobs
import Terms

/// Why a job cannot be planned. None of these passes by itself: the job, the models or the limit must change.
public enum PlannerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is not one model.
    case noModels
    /// The job pins a model that is not there.
    case unknownModel(String, available: [String])
    /// A precision that the model does not offer.
    case unavailablePrecision(Precision, model: String, available: [Precision])
    /// A width or height that the model cannot draw.
    case unsuitableSize(field: String, value: Int, model: String, rule: ModelFacts.Sizes)
    /// A guidance scale for a model that takes none.
    case unsuitableGuidance(Double, model: String)
    /// The job names no sampler, and the model's own is not known here, or not as its files want it.
    case noSampler(model: String, reason: String, available: [Sampler])
    /// A sampler that the model's files do not go with.
    case unsuitableSampler(Sampler, model: String, available: [Sampler])
    /// The job begins with a picture, and goes so little from it that not one step is taken.
    case noSteps(strength: Double, steps: Int)
    /// Not even the least variant fits; whether the limit is the job's own, and whether its weights could be streamed.
    case insufficientMemory(
        Variant, width: Int, height: Int, neededBytes: Int, limitBytes: Int, isJobsOwn: Bool, canStream: Bool)

    /// The job's field that is at fault.
    public var field: String? {
        switch self {
        case .noModels: nil
        case .insufficientMemory(_, _, _, _, _, let isJobsOwn, _): isJobsOwn ? "max_memory" : nil
        case .unknownModel: "model"
        case .unavailablePrecision: "precision"
        case .unsuitableSize(let field, _, _, _): field
        case .unsuitableGuidance: "guidance_scale"
        case .noSampler, .unsuitableSampler: "sampler"
        case .noSteps: "strength"
        }
    }

    /// A stable word for programs.
    public var code: String {
        switch self {
        case .noModels, .unknownModel: "model_missing"
        case .unavailablePrecision: "precision_missing"
        case .unsuitableSize: "invalid_size"
        case .unsuitableGuidance: "invalid_guidance"
        case .noSampler, .unsuitableSampler: "invalid_sampler"
        case .noSteps: "no_steps"
        case .insufficientMemory: "memory_limit"
        }
    }

    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .noModels: "no model is installed: add a model folder, or start with --models DIR"
        case .unknownModel(let name, let available):
            "model \"\(name)\" is not installed; there is \(available.joined(separator: ", "))"
        case .unavailablePrecision(let precision, let model, let available):
            "model \"\(model)\" has no precision \(precision.rawValue); it has "
                + available.map(\.rawValue).joined(separator: ", ")
        case .unsuitableSize(let field, let value, let model, let rule):
            "\(field) \(value) does not suit model \"\(model)\": a side is a multiple of \(rule.multiple)"
                + " from \(rule.minimum) to \(rule.maximum)"
        case .unsuitableGuidance(let scale, let model):
            "guidance_scale \(scale) does not suit model \"\(model)\": it was trained to draw as if guided, and takes no scale above 1"
        case .noSampler(let model, let reason, let available):
            "model \"\(model)\" has no sampler of its own: \(reason) Name a \"sampler\" in the job, one of "
                + available.map(\.rawValue).joined(separator: ", ")
        case .unsuitableSampler(let sampler, let model, let available):
            "sampler \(sampler.rawValue) does not go with the scheduler file of model \"\(model)\"; these do: "
                + available.map(\.rawValue).joined(separator: ", ")
        case .noSteps(let strength, let steps):
            "strength \(strength) of \(steps) steps is less than one step: ask for more of either"
        case .insufficientMemory(let variant, let width, let height, let needed, let limit, _, let canStream):
            "\(width) x \(height) needs \(Format.bytes(needed)) at the least (\(variant)); the limit is \(Format.bytes(limit))"
                + (canStream ? "" : Self.streamingHint)
        }
    }

    /// What is said where a way that takes less was not open.
    public static let streamingHint = "; weights cannot be streamed without a cache folder that keeps them"
}
