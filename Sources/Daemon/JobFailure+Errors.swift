import JobStore
import Jobs
import Planner
import Rendering
import Spool

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
    /// Whether trying again may help: the queue or the spool cannot be read or written for now.
    var mayPass: Bool {
        switch self {
        case let error as JobStoreError: error.isTransient
        case let error as SpoolError: error.isTransient || error.isDenied
        default: false
        }
    }

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
