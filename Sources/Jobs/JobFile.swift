import JSONText

/// The three kinds of job files, told apart by the ending of their name, and how each is read.
public enum JobFile: String, CaseIterable, Sendable {
    /// One job, or an array of jobs.
    case json
    /// A job on each line; empty lines are skipped.
    case jsonl
    /// The prompt of one job.
    case txt

    /// The most jobs that one file may hold.
    public static let maximumCount = 10_000

    /// One job of a file, good or bad.
    public struct Element: Equatable, Sendable {
        /// Its position among the jobs of the file, from 0.
        public let index: Int
        /// The request, or what is wrong with it.
        public let request: Result<JobRequest, JobError>
        /// What was read, if it is JSON at all.
        public let json: JSONValue?
        /// What was read when it is bad, for people.
        public let text: String?
    }

    /// The kind of the file called `name`, or nil for an unknown ending. Letters of either case are taken.
    public init?(name: String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
        self.init(rawValue: name[name.index(after: dot)...].lowercased())
    }

    /// The jobs in `bytes`. Throws only when nothing of the file can be used; a bad job among good ones is an element.
    ///
    /// A byte order mark in front is skipped. The paths of errors begin with `jobs[INDEX]` when the file may hold several.
    public func parse(_ bytes: [UInt8]) throws(JobError) -> [Element] {
        let text = try UTF8Text(checking: bytes)
        let elements =
            switch self {
            case .json: try Self.parseDocument(text.bytes)
            case .jsonl: try Self.parseLines(text.bytes)
            case .txt: try [Self.parsePrompt(text.string)]
            }
        if elements.isEmpty { throw .noJobs }
        return elements
    }

    private static func parseDocument(_ bytes: ArraySlice<UInt8>) throws(JobError) -> [Element] {
        guard !bytes.isEmpty else { throw .noJobs }
        let document = try JSONValue(parsing: bytes, firstLine: 1)
        guard case .array(let values) = document else { return [Element(index: 0, path: "", json: document)] }
        guard values.count <= maximumCount else { throw .tooManyJobs(limit: maximumCount) }
        return values.enumerated().map { index, json in Element(index: index, path: "jobs[\(index)]", json: json) }
    }

    private static func parseLines(_ bytes: ArraySlice<UInt8>) throws(JobError) -> [Element] {
        var elements: [Element] = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated()
        where !line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) {
            guard elements.count < maximumCount else { throw .tooManyJobs(limit: maximumCount) }
            let index = elements.count
            do {
                let json = try JSONValue(parsing: line, firstLine: number + 1)
                elements.append(Element(index: index, path: "jobs[\(index)]", json: json))
            } catch {
                elements.append(
                    Element(
                        index: index, request: .failure(error), json: nil, text: String(decoding: line, as: UTF8.self)))
            }
        }
        return elements
    }

    private static func parsePrompt(_ text: String) throws(JobError) -> Element {
        let trimmed = text.unicodeScalars.drop { $0.properties.isWhitespace }.reversed()
            .drop { $0.properties.isWhitespace }.reversed()
        let prompt = String(String.UnicodeScalarView(trimmed))
        if prompt.isEmpty { throw .noPrompt }
        return Element(index: 0, path: "", json: .object([JSONValue.Member("prompt", .string(prompt))]))
    }
}

extension JobFile.Element {
    init(index: Int, path: String, json: JSONValue) {
        do throws(JobError) {
            let request = try JobRequest(json: json, at: path)
            if let problem = request.output.name?.problem {
                throw JobError.invalidValue(path: (path.isEmpty ? "" : path + ".") + "output.name", problem: problem)
            }
            self.init(index: index, request: .success(request), json: json, text: nil)
        } catch {
            self.init(index: index, request: .failure(error), json: json, text: json.text(indented: true))
        }
    }
}
