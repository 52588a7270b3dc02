import GRDB
import Jobs

/// What can go wrong with the queue's database.
public enum JobStoreError: Error, Sendable {
    /// The file cannot be opened or created.
    case cannotOpen(path: String, problem: String)
    /// Another daemon serves this queue.
    case inUse(path: String)
    /// The file is no SQLite database, or a damaged one.
    case corrupt(path: String, problem: String)
    /// The file is a database of some other program.
    case foreign(path: String)
    /// The file was written by a newer latentd.
    case newer(path: String)
    /// No job has this id.
    case noSuchJob(JobID)
    /// The job is not in a state that allows this.
    case illegalTransition(JobID, JobState.IllegalTransition)
    /// SQLite failed at a statement; `code` is its extended result code.
    case failed(problem: String, code: Int)

    /// Whether doing the same again later may succeed: the disk was full, could not be written or did not answer, another process
    /// held the file, or memory or descriptors were short.
    public var isTransient: Bool {
        guard case .failed(_, let code) = self else { return false }
        let result = ResultCode(rawValue: CInt(truncatingIfNeeded: code))
        if Self.lasting.contains(result) { return false }
        return Self.passing.contains(result.primaryResultCode)
    }

    private static let passing: [ResultCode] = [
        .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_NOMEM,
        .SQLITE_PROTOCOL, .SQLITE_INTERRUPT,
    ]

    /// Of those, the ones that say that the file is damaged, or was removed under us.
    private static let lasting: [ResultCode] = [
        .SQLITE_READONLY_DBMOVED, .SQLITE_IOERR_CORRUPTFS, .SQLITE_IOERR_DATA,
    ]

    /// What a statement threw.
    init(_ error: any Error) {
        switch error {
        case let error as JobStoreError: self = error
        case let error as DatabaseError:
            self = .failed(
                problem: error.message ?? "\(error.resultCode)", code: Int(error.extendedResultCode.rawValue))
        default: self = .failed(problem: "\(error)", code: Int(ResultCode.SQLITE_ERROR.rawValue))
        }
    }
}

extension JobStoreError: CustomStringConvertible {
    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .cannotOpen(let path, let problem): "cannot open the queue \(path): \(problem)"
        case .inUse(let path): "the queue \(path) is served by another latentd"
        case .corrupt(let path, let problem):
            "the queue \(path) is damaged (\(problem)); move it away to begin a new one, jobs in it are lost"
        case .foreign(let path): "\(path) is a database of another program"
        case .newer(let path): "the queue \(path) was written by a newer latentd; install that version again"
        case .noSuchJob(let id): "there is no job \(id)"
        case .illegalTransition(_, let transition): "\(transition)"
        case .failed(let problem, _): "the queue's database failed: \(problem)"
        }
    }
}
