/// The exit codes of `latentd` and `latentctl`, as sysexits.h names them.
public enum ExitCode: Int32, Sendable, Equatable {
    /// It worked.
    case ok = 0
    /// The command line is wrong.
    case usage = 64
    /// The job, the picture or the model is wrong.
    case data = 65
    /// A file that was named is not there or cannot be read.
    case noInput = 66
    /// No daemon answers, or it cannot do this now.
    case unavailable = 69
    /// The work failed.
    case software = 70
    /// The output cannot be made.
    case cannotCreate = 73
    /// Reading or writing failed.
    case input = 74
    /// It may work later.
    case temporary = 75
    /// It is not allowed.
    case notPermitted = 77
    /// The settings or the installation are wrong.
    case configuration = 78
}
