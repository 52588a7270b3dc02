import JSONText

/// The jobs of one file that was taken in, ready for the queue. A function of the intake's mark and the file alone, so
/// that repeating it after a crash gives the same ids, names and seeds.
public struct Submission: Equatable, Sendable {
    /// The good jobs, in the order of the file.
    public var jobs: [NewJob]
    /// What is bad: the bad jobs of the file together, or the file itself when nothing of it can be used. One at the most, so that
    /// a file costs its reader and the disk no more than its size allows, however many mistakes it has.
    public var rejections: [NewRejection]
    /// The user who handed it in, whose its jobs are; nil where nobody knows.
    public let owner: UInt32?

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
        /// Each bad job when there are several.
        public var faults: [Fault] = []
    }

    /// What is wrong with one of several bad jobs.
    public struct Fault: Equatable, Sendable {
        /// Which job of the file it is, from 0.
        public let index: Int
        /// What is wrong with it.
        public let failure: JobFailure
    }

    /// The part of a file that holds a bad job.
    public enum Original: Equatable, Sendable {
        /// All of it.
        case file
        /// The bad jobs among good ones, as a file of their own.
        case text(String, JobFile)
    }

    /// The jobs of the file `fileName` of the user `owner` with the contents `bytes`, taken in as `intake`.
    public init(intake: IntakeID, fileName: String, bytes: [UInt8], owner: UInt32? = nil) {
        do throws(JobError) {
            guard let kind = JobFile(name: fileName) else { throw .unknownFileKind(name: fileName) }
            self.init(intake: intake, fileName: fileName, elements: try kind.parse(bytes), owner: owner)
        } catch {
            self.init(intake: intake, fileName: fileName, failure: JobFailure(error), owner: owner)
        }
    }

    /// A submission of nothing but a rejection, for a file that cannot even be read.
    public init(intake: IntakeID, fileName: String, failure: JobFailure, owner: UInt32? = nil) {
        let source = JobSource(intake: intake, file: fileName, index: 0)
        let rejection = NewRejection(
            wishedName: ResultName(sanitizing: Self.stem(of: fileName)), source: source, failure: failure, json: nil,
            original: .file)
        (jobs, rejections, self.owner) = ([], [rejection], owner)
    }

    private init(intake: IntakeID, fileName: String, elements: [JobFile.Element], owner: UInt32?) {
        let stem = ResultName(sanitizing: Self.stem(of: fileName))
        func suffix(_ index: Int) -> String { elements.count > 1 ? "-\(index + 1)" : "" }
        func source(_ index: Int) -> JobSource { JobSource(intake: intake, file: fileName, index: index) }
        (jobs, rejections, self.owner) = ([], [], owner)
        var bad: [(element: JobFile.Element, error: JobError)] = []
        for element in elements {
            switch element.request {
            case .success(let request):
                guard let id = request.id ?? JobID(rawValue: intake.rawValue + suffix(element.index)) else {
                    preconditionFailure("an intake's mark and a number make an id")
                }
                let name = request.output.name ?? stem.appending(suffix(element.index))
                let seed = request.seed ?? Self.seed(intake, element.index)
                jobs.append(
                    NewJob(id: id, wishedName: name, source: source(element.index), request: request, seed: seed))
            case .failure(let error): bad.append((element, error))
            }
        }
        guard let first = bad.first else { return }
        let name = bad.count > 1 ? stem : stem.appending(suffix(first.element.index))
        rejections = [
            NewRejection(
                wishedName: name, source: source(first.element.index),
                failure: JobFailure(bad.map(\.error), of: elements.count),
                json: bad.count > 1 ? nil : first.element.json,
                original: bad.count == elements.count ? .file : Original(bad.map(\.element)),
                faults: bad.count > 1 ? bad.map { Fault(index: $0.element.index, failure: JobFailure($0.error)) } : [])
        ]
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

extension Submission.Original {
    /// The bad jobs of a file that has good ones too.
    fileprivate init(_ bad: [JobFile.Element]) {
        if bad.count == 1, let json = bad[0].json {
            self = .text(json.text(indented: true) + "\n", .json)
        } else {
            self = .text(
                bad.map { ($0.json?.text(indented: false) ?? $0.text ?? "") + "\n" }.joined(), .jsonl)
        }
    }
}

extension JobFailure {
    /// The failure of the bad ones among `count` jobs.
    fileprivate init(_ errors: [JobError], of count: Int) {
        self.init(errors[0])
        if errors.count > 1 { message = "\(errors.count) of \(count) jobs are wrong; the first: " + message }
    }
}
