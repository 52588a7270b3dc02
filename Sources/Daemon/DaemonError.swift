import Glibc
import JobStore
import Jobs
import Output
import Planner
import Rendering
import Settings
import Spool
import Varlink

/// Why the daemon does not start, or `latentd render` has no picture. The exit codes are those of sysexits.h.
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
    /// The job cannot be done as it asks.
    case plan(PlannerError)
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
        case let error as JobStoreError: self = .queue(error)
        case let error as SpoolError: self = .spool(error)
        case let error as VarlinkError: self = .control(error)
        case let error as RenderingError: self = .rendering(error)
        default: self = .service("\(error)")
        }
    }

    /// The code to exit with.
    public var exitCode: Int32 {
        switch self {
        case .settings: ExitStatus.configuration
        case .queue(.inUse): ExitStatus.temporary
        case .queue, .spool, .control: ExitStatus.cannotCreate
        case .service: ExitStatus.software
        case .cannotRead: ExitStatus.noInput
        case .invalidJob, .plan: ExitStatus.data
        case .cannotCreate: ExitStatus.cannotCreate
        case .closed, .rendering(.dump(.unwritable(_, EPIPE))): ExitStatus.input
        case .usage: ExitStatus.usage
        case .rendering(let error):
            switch error {
            case .dump, .importing(.exists), .importing(.unwritable): ExitStatus.cannotCreate
            case .importing(.inUse): ExitStatus.temporary
            case .importing(.missing), .importing(.unreadable): ExitStatus.noInput
            default: Self.exitCode(error.failure)
            }
        }
    }

    private static func exitCode(_ failure: JobFailure) -> Int32 {
        switch failure.code {
        case "interrupted", "out_of_resources": ExitStatus.temporary
        case "host_unsuitable": ExitStatus.unavailable
        case "encoding_failed": ExitStatus.software
        default: ExitStatus.data
        }
    }
}

/// The codes of sysexits.h that the daemon uses.
private enum ExitStatus {
    static let usage: Int32 = 64
    static let data: Int32 = 65
    static let noInput: Int32 = 66
    static let unavailable: Int32 = 69
    static let software: Int32 = 70
    static let cannotCreate: Int32 = 73
    static let input: Int32 = 74
    static let temporary: Int32 = 75
    static let configuration: Int32 = 78
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
        case .plan(let error): error.description
        case .rendering(let error): error.description
        case .closed(let path): "nobody reads \(path) any more"
        case .usage(let text): text
        case .cannotCreate(let path, let reason): "cannot write \(path): \(reason)"
        }
    }
}
