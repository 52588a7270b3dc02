/// What can go wrong before anything is computed. A wrong shape is no error but a broken invariant of the caller.
public enum ComputeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel refused `bytes` of address space for an arena (`errno`).
    case memoryRefused(bytes: Int, code: Int32)
    /// A worker thread could not be started (`errno`).
    case threadRefused(code: Int32)
    /// OpenBLAS could not be loaded; `reason` is the loader's own sentence.
    case openBLASMissing(reason: String)
    /// `LATENTD_ISA`, or a caller, names a table that does not exist or that this CPU cannot run.
    case instructionSetUnavailable(name: String, available: [String])

    /// A sentence that an operator can act on.
    public var description: String {
        switch self {
        case .memoryRefused(let bytes, let code):
            "The system refused \(bytes) bytes of memory for activations (errno \(code)): "
                + "raise the memory limit or ask for a smaller picture."
        case .threadRefused(let code):
            "A worker thread could not be started (errno \(code)): check the limit on tasks (TasksMax, ulimit -u)."
        case .openBLASMissing(let reason):
            "OpenBLAS could not be loaded (\(reason)): install libopenblas0."
        case .instructionSetUnavailable(let name, let available):
            "The instruction set '\(name)' cannot be used on this CPU: available are \(available.joined(separator: ", "))."
        }
    }
}
