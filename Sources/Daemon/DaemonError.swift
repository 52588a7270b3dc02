import Glibc
import JobStore
import Jobs
import Output
import Planner
import Rendering
public import Settings
import Spool
import Varlink

/// Why the daemon does not start, or a command of `latentd` has no result.
public enum DaemonError: Error, Sendable {
    /// The settings are wrong.
    case settings(SettingsError)
    /// The queue's database cannot be used.
    case queue(JobStoreError)
    /// The spool cannot be used.
    case spool(SpoolError)
    /// A service failed in a way that has no case of its own.
    case service(String)
    /// The control socket cannot be made.
    case control(VarlinkError)
    /// The job file cannot be read.
    case cannotRead(path: String, reason: String)
    /// The job file holds no job, or a wrong one.
    case invalidJob(path: String, reason: String)
    /// The picture could not be made.
    case rendering(RenderingError)
    /// A result cannot be written.
    case cannotCreate(path: String, reason: String)
    /// Nobody reads any more what was being written.
    case closed(path: String)
    /// The command line asks for something impossible.
    case usage(String)

    /// What a service or a write threw.
    init(_ error: any Error) {
        switch error {
        case let error as OutputError:
            self = error.isClosed ? .closed(path: error.path) : .cannotCreate(path: error.path, reason: error.reason)
        case let error as DaemonError: self = error
        case let error as SettingsError: self = .settings(error)
        case let error as JobStoreError: self = .queue(error)
        case let error as SpoolError: self = .spool(error)
        case let error as VarlinkError: self = .control(error)
        case let error as RenderingError: self = .rendering(error)
        default: self = .service("\(error)")
        }
    }

    /// The code to exit with.
    public var exitCode: ExitCode {
        switch self {
        case .settings: .configuration
        case .queue(.inUse): .temporary
        case .queue, .spool, .control: .cannotCreate
        case .service: .software
        case .cannotRead: .noInput
        case .invalidJob: .data
        case .cannotCreate: .cannotCreate
        case .closed, .rendering(.dump(.unwritable(_, EPIPE))): .input
        case .usage: .usage
        case .rendering(let error):
            switch error {
            case .dump, .importing(.exists), .importing(.unwritable): .cannotCreate
            case .importing(.inUse): .temporary
            case .importing(.missing), .importing(.unreadable): .noInput
            default: Self.exitCode(error.failure)
            }
        }
    }

    private static func exitCode(_ failure: JobFailure) -> ExitCode {
        switch failure.code {
        case "interrupted", "out_of_resources": .temporary
        case "host_unsuitable": .unavailable
        case "encoding_failed": .software
        default: .data
        }
    }
}

extension DaemonError: CustomStringConvertible {
    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .settings(let error): error.description
        case .queue(let error): error.description
        case .spool(let error): error.description
        case .control(let error): error.description
        case .service(let reason): "the daemon cannot go on: \(reason)"
        case .cannotRead(let path, let reason): "cannot read \(path): \(reason)"
        case .invalidJob(let path, let reason): "\(path): \(reason)"
        case .rendering(let error): error.description
        case .closed(let path): "nobody reads \(path) any more"
        case .usage(let text): text
        case .cannotCreate(let path, let reason): "cannot write \(path): \(reason)"
        }
    }
}

extension JobFailure {
    /// The failure that `failed/NAME.json` tells when a job's work threw `error`.
    init(of error: any Error) {
        switch error {
        case let error as PlannerError:
            self.init(kind: .permanent, code: error.code, field: error.field, message: error.description)
        case let error as RenderingError:
            self = error.failure
        case let error as UnreadableInitImage:
            self = error.failure
        case let error as SpoolError:
            self.init(kind: error.isTransient ? .transient : .permanent, code: "spool", message: error.description)
        default:
            self.init(kind: .permanent, code: "internal", message: "\(error)")
        }
    }
}

extension Error {
    /// Whether the queue or the spool cannot be read or written for now, and nobody has to do anything about it.
    var isTransient: Bool {
        (self as? JobStoreError)?.isTransient ?? (self as? SpoolError)?.isTransient ?? false
    }

    /// Whether trying again may help: what is transient passes, and somebody may give back a right that we were refused.
    var mayPass: Bool { isTransient || (self as? SpoolError)?.isDenied == true }

    /// Whether the spool is not what it was at the start.
    var isLossOfSpool: Bool { (self as? SpoolError)?.isLossOfSpool == true }

    /// Whether the host lacked something for now (room on a disk, descriptors ...) or lost the spool: the job is as good as before,
    /// and waits uncharged.
    var isLackOfTheHost: Bool {
        switch self {
        case let error as SpoolError: error.isTransient || error.isDenied || error.isLossOfSpool
        case let error as UnreadableInitImage: error.cause.isTransient
        default: false
        }
    }
}

/// The file that a job begins with cannot be read.
struct UnreadableInitImage: Error, CustomStringConvertible {
    let cause: SpoolError

    var description: String { cause.description }

    var failure: JobFailure {
        JobFailure(
            kind: cause.isTransient ? .transient : .permanent, code: "init_image_unusable", field: "init_image",
            message: description)
    }
}

extension Spool {
    /// Reads the picture that `request` begins with, if there is one. Blocks for the disk.
    func initImage(of request: JobRequest) throws -> InitImageFile? {
        guard let path = request.initImage else { return nil }
        let bytes: [UInt8]
        do throws(SpoolError) { bytes = try readInitImage(path) } catch { throw UnreadableInitImage(cause: error) }
        return try InitImageFile(path: path, bytes: bytes)
    }
}
