/// Why a picture was given up though nothing failed.
enum Interruption: Error, Sendable, Equatable {
    /// Somebody cancelled the job.
    case cancelled
    /// The daemon stops; the job goes back uncharged.
    case stopping
}
