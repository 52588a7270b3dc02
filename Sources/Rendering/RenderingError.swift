import Compute
import Diffusion
import Images
import Jobs
import Models
import Planner

/// Why a job has no picture.
public enum RenderingError: Error, Sendable, CustomStringConvertible {
    /// The job cannot be run here as it asks.
    case plan(PlannerError)
    /// The model that it pins, or the only one that there is, is broken.
    case unusableModel(String, ModelError)
    /// The plan's model has gone from the catalog since.
    case modelGone(String)
    /// The dry run says that the job does not fit, whatever stays out of memory; refused before it started. Whether the limit is the
    /// job's own, and whether weights could be streamed.
    case insufficientMemory(
        width: Int, height: Int, neededBytes: Int, limitBytes: Int, isJobsOwn: Bool, canStream: Bool)
    /// The job would fit into what was granted when the daemon started, not into what is granted now.
    case memoryWithdrawn(neededBytes: Int, limitBytes: Int)
    /// The model's weights alone do not fit; refused before they were read.
    case modelTooLarge(String, Precision, neededBytes: Int, limitBytes: Int)
    /// The engine refused or failed.
    case engine(DiffusionError)
    /// The host has no kernels or no BLAS for us.
    case host(ComputeError)
    /// The picture could not be encoded.
    case picture(ImageError)
    /// The picture that the job begins with cannot be used.
    case initImage(String, ImageError)
    /// The tensors could not be written.
    case dump(ModelError)
    /// A model cannot be imported.
    case importing(ModelError)
    /// The observer threw this.
    case interrupted(any Error)

    /// The engine's error, with an interruption taken out of it.
    init(_ error: DiffusionError) {
        self =
            switch error {
            case .stopped(let reason): .interrupted(reason)
            case .insufficientMemory(_, let needed, let limit): .memoryWithdrawn(neededBytes: needed, limitBytes: limit)
            default: .engine(error)
            }
    }

    /// Whether another attempt may succeed where nothing was changed.
    public var isTransient: Bool {
        switch self {
        case .engine(let error): error.isTransient
        case .interrupted, .memoryWithdrawn: true
        case .plan, .unusableModel, .modelGone, .insufficientMemory, .modelTooLarge, .host, .picture, .initImage, .dump,
            .importing:
            false
        }
    }

    /// Whether less memory, or a higher limit, would help.
    var isMemoryLimit: Bool {
        switch self {
        case .insufficientMemory, .modelTooLarge, .memoryWithdrawn: true
        default: false
        }
    }

    /// What is needed at the least, where memory is what lacks.
    var neededBytes: Int? {
        switch self {
        case .insufficientMemory(_, _, let needed, _, _, _), .modelTooLarge(_, _, let needed, _),
            .memoryWithdrawn(let needed, _):
            needed
        default: nil
        }
    }

    /// The job's field that is at fault.
    public var field: String? {
        switch self {
        case .plan(let error): error.field
        case .insufficientMemory(_, _, _, _, isJobsOwn: true, _): "max_memory"
        case .unusableModel, .modelGone: "model"
        case .engine(.setting(let field, _)): field
        case .initImage: "init_image"
        default: nil
        }
    }

    /// A stable word for programs.
    public var code: String {
        switch self {
        case .plan(let error): error.code
        case .unusableModel(_, .changed), .engine(.model(.changed)), .importing(.changed): "model_changed"
        case .unusableModel, .engine(.model): "model_unusable"
        case .modelGone: "model_missing"
        case .insufficientMemory, .modelTooLarge, .memoryWithdrawn, .engine(.insufficientMemory): "memory_limit"
        case .engine(.setting): JobFailure.Code.invalidJob
        case .engine(.compute), .engine(.scratch): "out_of_resources"
        case .engine(.notFinite), .engine(.resultNotFinite): "not_finite"
        case .engine(.unreadableWalk): "walk_unreadable"
        case .engine(.stopped), .interrupted: "interrupted"
        case .host: "host_unsuitable"
        case .picture: "encoding_failed"
        case .initImage: "init_image_unusable"
        case .dump: "dump_failed"
        case .importing(.exists), .importing(.inUse), .importing(.unwritable): "import_failed"
        case .importing: "model_unusable"
        }
    }

    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .plan(let error): error.description
        case .unusableModel(let name, let error): "model \"\(name)\" cannot be used: \(error)"
        case .modelGone(let name): "model \"\(name)\" is not installed any more"
        case .insufficientMemory(let width, let height, let needed, let limit, _, let canStream):
            "\(width) x \(height) needs \(Format.bytes(needed)) of memory at the least; the limit is \(Format.bytes(limit))"
                + (canStream ? "" : PlannerError.streamingHint)
        case .memoryWithdrawn(let needed, let limit):
            "the limit of memory fell to \(Format.bytes(limit)); \(Format.bytes(needed)) are needed at the least"
        case .modelTooLarge(let name, let precision, let needed, let limit):
            "model \"\(name)\" needs at \(precision.rawValue) \(Format.bytes(needed)) of memory for its weights; the limit is \(Format.bytes(limit))"
                + PlannerError.streamingHint
        case .engine(let error): error.description
        case .host(let error): error.description
        case .picture(let error): error.description
        case .initImage(let path, let error): "\(path) cannot be used: \(error)"
        case .dump(let error): error.description
        case .importing(let error): error.description
        case .interrupted(let reason): "the picture was given up: \(reason)"
        }
    }

    /// The same for the queue and for `failed/NAME.json`.
    public var failure: JobFailure {
        JobFailure(kind: isTransient ? .transient : .permanent, code: code, field: field, message: description)
    }
}
