import JSONText

/// The jobs of one file that was taken in, ready for the queue. A function of the intake's mark and the file alone, so
/// that repeating it after a crash gives the same ids, names and seeds.
public struct Submission: Equatable, Sendable {
    /// The good jobs, in the order of the file.
    public var jobs: [NewJob]
    /// The bad ones, and the file itself when nothing of it can be used.
    public var rejections: [NewRejection]

    /// A job that is not in the queue yet.
    public struct NewJob: Equatable, Sendable {
        /// The client's id, or one made from the intake.
        public let id: JobID
        /// The result's name, as long as nobody else has it.
        public let wishedName: ResultName
        /// The element of the file that it is.
        public let source: JobSource
        /// What is asked for.
        public let request: JobRequest
        /// The request's seed, or one made from the intake.
        public let seed: UInt64
    }

    /// Something that was handed in and is no job.
    public struct NewRejection: Equatable, Sendable {
        /// The NAME of `failed/NAME.json`, as long as nobody else has it.
        public let wishedName: ResultName
        /// The element of the file that it is; 0 when it is the file.
        public let source: JobSource
        /// What is wrong with it.
        public let failure: JobFailure
        /// What was handed in, if it is JSON.
        public let json: JSONValue?
        /// What people find beside the reason.
        public let original: Original
    }

    /// The part of a file that holds a bad job.
    public enum Original: Equatable, Sendable {
        /// All of it.
        case file
        /// One job among several, as a file of its own.
        case text(String, JobFile)
    }

    /// The jobs of the file `fileName` with the contents `bytes`, taken in as `intake`.
    public init(intake: IntakeID, fileName: String, bytes: [UInt8]) {
        do throws(JobError) {
            guard let kind = JobFile(name: fileName) else { throw .unknownFileKind(name: fileName) }
            self.init(intake: intake, fileName: fileName, elements: try kind.parse(bytes))
        } catch {
            self.init(intake: intake, fileName: fileName, failure: JobFailure(error))
        }
    }

    /// A submission of nothing but a rejection, for a file that cannot even be read.
    public init(intake: IntakeID, fileName: String, failure: JobFailure) {
        let source = JobSource(intake: intake, file: fileName, index: 0)
        let rejection = NewRejection(
            wishedName: ResultName(sanitizing: Self.stem(of: fileName)), source: source, failure: failure, json: nil,
            original: .file)
        (jobs, rejections) = ([], [rejection])
    }

    private init(intake: IntakeID, fileName: String, elements: [JobFile.Element]) {
        let stem = ResultName(sanitizing: Self.stem(of: fileName))
        (jobs, rejections) = ([], [])
        for element in elements {
            let source = JobSource(intake: intake, file: fileName, index: element.index)
            let suffix = elements.count > 1 ? "-\(element.index + 1)" : ""
            switch element.request {
            case .success(let request):
                guard let id = request.id ?? JobID(rawValue: intake.rawValue + suffix) else {
                    preconditionFailure("an intake's mark and a number make an id")
                }
                let name = request.output.name ?? stem.appending(suffix)
                let seed = request.seed ?? Self.seed(intake, element.index)
                jobs.append(NewJob(id: id, wishedName: name, source: source, request: request, seed: seed))
            case .failure(let error):
                let part = element.text.map { Original.text($0 + "\n", element.json == nil ? .jsonl : .json) }
                rejections.append(
                    NewRejection(
                        wishedName: stem.appending(suffix), source: source, failure: JobFailure(error),
                        json: element.json,
                        original: elements.count > 1 ? part ?? .file : .file))
            }
        }
    }

    /// The name without its ending, or the whole of it when there is none.
    private static func stem(of fileName: String) -> String {
        guard let dot = fileName.lastIndex(of: "."), dot != fileName.startIndex else { return fileName }
        return String(fileName[..<dot])
    }

    /// A seed that looks random and is the same each time: SplitMix64's finalizer (Steele et al. 2014) over FNV-1a.
    private static func seed(_ intake: IntakeID, _ index: Int) -> UInt64 {
        let start = intake.rawValue.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 }
        var bits = start &+ UInt64(index + 1) &* 0x9e37_79b9_7f4a_7c15
        bits = (bits ^ bits >> 30) &* 0xbf58_476d_1ce4_e5b9
        bits = (bits ^ bits >> 27) &* 0x94d0_49bb_1331_11eb
        return bits ^ bits >> 31
    }
}
