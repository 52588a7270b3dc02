import Output
public import Settings
public import Varlink

/// Why a command ended without its result. `description` is the line on standard error, `exitCode` what a script sees.
public enum ClientError: Error, Sendable {
    /// The daemon did not answer, or answered no.
    case daemon(VarlinkError)
    /// The command line asks for something impossible.
    case usage(String)
    /// A file cannot be read.
    case cannotRead(path: String, reason: String)
    /// A file cannot be written.
    case cannotWrite(path: String, reason: String)
    /// Nobody reads any more what was being written.
    case closed(path: String)
    /// A job file holds no job, or a wrong one.
    case invalidJob(path: String, reason: String)
    /// A picture cannot be shown or has no metadata.
    case invalidPicture(path: String, reason: String)
    /// The job that was waited for failed.
    case jobFailed(id: String, reason: String)
    /// The job that was waited for was cancelled by somebody.
    case jobCancelled(id: String)
    /// There is no daemon, and this needs one.
    case needsDaemon(task: String, cause: VarlinkError)
    /// The spool takes no job.
    case spool(String)
    /// The settings or the installation are wrong.
    case configuration(String)
    /// `doctor` found something that must be mended.
    case unhealthy(problems: Int)

    init(_ error: OutputError) {
        self = error.isClosed ? .closed(path: error.path) : .cannotWrite(path: error.path, reason: error.reason)
    }

    /// The code to exit with.
    public var exitCode: ExitCode {
        switch self {
        case .daemon(.refused(let error)): Self.exitCode(error)
        case .daemon(.cannotConnect(_, 13)), .daemon(.cannotConnect(_, 1)), .daemon(.foreignServer): .notPermitted
        case .daemon, .needsDaemon: .unavailable
        case .usage: .usage
        case .cannotRead: .noInput
        case .cannotWrite: .cannotCreate
        case .closed: .input
        case .invalidJob, .invalidPicture: .data
        case .jobFailed: .software
        case .jobCancelled, .spool: .temporary
        case .configuration, .unhealthy: .configuration
        }
    }

    private static func exitCode(_ error: CallError) -> ExitCode {
        switch error.name {
        case "org.varlink.service.PermissionDenied", "org.latentd.NotAllowed": .notPermitted
        case "org.latentd.InvalidJob", "org.latentd.JobNotFound", "org.latentd.IllegalTransition": .data
        case "org.latentd.Busy": .temporary
        default: .unavailable
        }
    }
}

extension ClientError: CustomStringConvertible {
    /// One sentence for the person at the terminal.
    public var description: String {
        switch self {
        case .daemon(let error): error.description
        case .usage(let text), .spool(let text), .configuration(let text): text
        case .cannotRead(let path, let reason): "cannot read \(path): \(reason)"
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        case .closed(let path): "nobody reads \(path) any more"
        case .invalidJob(let path, let reason), .invalidPicture(let path, let reason): "\(path): \(reason)"
        case .jobFailed(let id, let reason): "job \(id) failed: \(reason)"
        case .jobCancelled(let id): "job \(id) was cancelled"
        case .needsDaemon(let task, let cause): "cannot \(task) without a daemon, and \(cause.description)"
        case .unhealthy(let problems): "\(problems) \(problems == 1 ? "thing has" : "things have") to be mended"
        }
    }
}
