import SystemPackage

/// Something that the spool coped with by itself, for the operator to know.
public enum SpoolNotice: Sendable, Equatable {
    /// A folder was gone and was made again, as it had been at the start. What had been in it is lost.
    case remade(FilePath)
    /// `incoming/` cannot be watched for now; the spool tries again.
    case watchWaits(SpoolError)
}
