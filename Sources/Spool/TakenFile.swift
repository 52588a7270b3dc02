import Jobs
import SystemPackage

/// A file that was moved out of `incoming/` into `work/` and read. It stays there until its jobs are in the queue.
public struct TakenFile: Sendable, Equatable {
    /// The mark that its jobs derive from.
    public let intake: IntakeID
    /// The name that it had, for people: bytes that are no printable text are `_`.
    public let fileName: String
    /// The jobs and rejections that it makes: the same each time. An object that is no readable file makes one rejection.
    public let submission: Submission
    /// Whether the kernel refuses to move it, or it is a folder, so that it still lies in `incoming/`.
    public let isStuck: Bool
    /// Where it lies.
    let path: FilePath
}
