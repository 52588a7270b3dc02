import Foundation
public import JSONText
import Jobs

/// What `submit` and `plan` were given: a job file, or the fields of one job.
public enum JobSourceArgument: Sendable {
    /// A file's path, or `-` for standard input.
    case file(String)
    /// The members of one job's JSON.
    case fields([JSONValue.Member])

    /// The path in `words` when they name a job file and are no prompt: one word, `-` or with a job file's ending.
    public static func path(in words: [String]) -> String? {
        guard words.count == 1, let word = words.first else { return nil }
        return word == "-" || (JobFile(name: word) != nil && !word.contains(" ")) ? word : nil
    }

    /// The file's name and bytes; fields become a file of one job.
    func contents() throws(ClientError) -> (name: String, bytes: [UInt8]) {
        switch self {
        case .fields(let members):
            return ("\(Self.stem(members)).json", Array(JSONValue.object(members).description.utf8))
        case .file(let path):
            let handle: FileHandle
            if path == "-" {
                handle = .standardInput
            } else if let opened = FileHandle(forReadingAtPath: path) {
                handle = opened
            } else {
                throw .cannotRead(path: path, reason: String(cString: strerror(errno)))
            }
            do {
                let name = path == "-" ? "stdin.json" : (path as NSString).lastPathComponent
                return (name, Array(try handle.readToEnd() ?? Data()))
            } catch {
                throw .cannotRead(path: path, reason: error.localizedDescription)
            }
        }
    }

    /// Every job, checked; the first wrong one is an error.
    func jobs() throws(ClientError) -> [JobRequest] {
        let (name, bytes) = try contents()
        do throws(JobError) {
            guard let kind = JobFile(name: name) else { throw JobError.unknownFileKind(name: name) }
            var requests: [JobRequest] = []
            for element in try kind.parse(bytes) { requests.append(try element.request.get()) }
            return requests
        } catch {
            throw .invalidJob(path: name, reason: error.description)
        }
    }

    /// The NAME that a result gets when the job does not say one: the prompt's first words.
    private static func stem(_ members: [JSONValue.Member]) -> String {
        let prompt = members.first { $0.name == "prompt" }?.value.string ?? ""
        let words = prompt.lowercased().split { !$0.isLetter && !$0.isNumber }.prefix(6)
        return ResultName(sanitizing: words.isEmpty ? "job" : words.joined(separator: "-")).rawValue
    }

    /// The NAMEs of `count` jobs of one file, as the spool's intake gives them.
    func names(count: Int) throws(ClientError) -> [String] {
        let stem = (try contents().name as NSString).deletingPathExtension
        return count == 1 ? [stem] : (1...count).map { "\(stem)-\($0)" }
    }
}
