/// What is wrong with a job file: each case says where and what was expected.
public enum JobError: Error, Equatable, Sendable {
    /// A byte that is no UTF-8.
    case invalidUTF8(offset: Int)
    /// Text that is no JSON.
    case malformed(line: Int, column: Int, problem: String)
    /// A field that no job has.
    case unknownField(path: String, suggestion: String?)
    /// A field that every job has.
    case missingField(path: String)
    /// A field twice in one object.
    case duplicateField(path: String)
    /// A value of another kind.
    case wrongType(path: String, expected: String, found: String)
    /// A value of the right kind that cannot be meant.
    case invalidValue(path: String, problem: String)
    /// A file without a job.
    case noJobs
    /// A file for one prompt that is empty.
    case noPrompt
    /// A file with more jobs than anybody means.
    case tooManyJobs(limit: Int)
    /// A file whose name tells nothing about its contents.
    case unknownFileKind(name: String)

    /// The path of the field at fault, such as `jobs[3].output.quality`; nil when it is the whole file.
    public var field: String? {
        switch self {
        case .unknownField(let path, _), .missingField(let path), .duplicateField(let path), .wrongType(let path, _, _),
            .invalidValue(let path, _):
            path
        case .invalidUTF8, .malformed, .noJobs, .noPrompt, .tooManyJobs, .unknownFileKind: nil
        }
    }
}

extension JobError: CustomStringConvertible {
    /// A sentence on one line that the author of the job can act on.
    public var description: String {
        switch self {
        case .invalidUTF8(let offset): "the text is not UTF-8: see byte \(offset)"
        case .malformed(let line, let column, let problem): "line \(line), column \(column): \(problem)"
        case .unknownField(let path, let suggestion):
            "\(path) is no field of a job" + (suggestion.map { "; is \($0) meant?" } ?? "")
        case .missingField(let path): "\(path) is missing"
        case .duplicateField(let path): "\(path) is given twice"
        case .wrongType(let path, let expected, let found): "\(path) must be \(expected), not \(found)"
        case .invalidValue(let path, let problem): "\(path) \(problem)"
        case .noJobs: "the file contains no job"
        case .noPrompt: "the file is empty: it contains no prompt, and so no job"
        case .tooManyJobs(let limit): "the file contains more than \(limit) jobs"
        case .unknownFileKind(let name): "\(name) ends neither in .json nor in .jsonl nor in .txt"
        }
    }
}
