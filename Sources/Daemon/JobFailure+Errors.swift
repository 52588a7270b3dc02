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
    /// Whether the disk was full: the job is as good as before, and waits.
    var isLackOfRoom: Bool {
        guard case .system(_, _, let errno) = self as? SpoolError else { return false }
        return errno == .noSpace || errno == .diskQuotaExceeded
    }
}
