import Glibc
import JSONText
import Jobs
import SystemPackage

extension Spool {
    /// Writes `failed/NAME.job.json` (what was asked for, fit to be handed in again), then `failed/NAME.json` (why not).
    /// Doing so again replaces both.
    public func writeFailed(_ job: Job, _ failure: JobFailure, at now: Timestamp) throws(SpoolError) {
        var request = job.request
        request.id = nil
        request.seed = job.seed
        try publish(Array((request.json.text(indented: true) + "\n").utf8), as: "\(job.name).job.json")
        let members = [
            JSONValue.Member("id", .string(job.id.rawValue)),
            JSONValue.Member("attempts", .number(JSONNumber(job.attempts))),
        ]
        try publish(Self.report(job.name, members, failure, job.source, at: now, job: job.request.json), job.name)
    }

    /// The jobs of a taken file are in the queue: tells of its bad ones in `failed/` and takes it out of `work/`. Can be done
    /// again. What is stuck in `incoming/` is met again and again, and told of as long as nothing tells of it.
    public func conclude(_ file: TakenFile, rejections: [Rejection], at now: Timestamp) throws(SpoolError) {
        let originals = Dictionary(
            file.submission.rejections.map { ($0.source, $0) }, uniquingKeysWith: { first, _ in first })
        for rejection in rejections {
            if file.isStuck, try Files.status(path(.failed).appending("\(rejection.name).json")) != nil { continue }
            guard let original = originals[rejection.source] else { continue }
            try writeFailed(rejection, original, of: file, at: now)
        }
        try discard(file)
    }

    /// Does the same for something that is no job. The file itself is what was asked for when none of it can be used: `failed/` gets a
    /// copy of it, which is ours and plain, whatever owner, permissions, other names and holes the file had. What is no readable file of
    /// the allowed size is not kept (`discard` removes it). A crash leaves the file in `work/` and all of this is repeated.
    public func writeFailed(
        _ rejection: Rejection, _ original: Submission.NewRejection, of file: TakenFile, at now: Timestamp
    ) throws(SpoolError) {
        let name = rejection.name
        var kept: String?
        switch original.original {
        case .text(let text, let kind):
            kept = "\(name).job.\(kind)"
            try publish(Array(text.utf8), as: "\(name).job.\(kind)")
        case .file:
            if let bytes = try contents(of: file) {
                let copy = "\(name).job\(Self.ending(of: file.fileName))"
                try publish(bytes, as: copy)
                kept = copy
            }
        }
        let members = [JSONValue.Member("original", kept.map(JSONValue.string) ?? .null)] + Self.faults(original)
        let report = Self.report(
            name, members, rejection.failure, rejection.source, at: now, job: original.json)
        try publish(report, name)
        guard !file.isStuck else { return }
        try withFolders { () throws(SpoolError) in
            // A folder that an earlier release took. It cannot be thrown away.
            guard try Files.status(file.path)?.kind == S_IFDIR else { return }
            try Files.rename(file.path, to: path(.failed).appending("\(name).job\(Self.ending(of: file.fileName))"))
        }
    }

    /// The bytes of a taken file that `failed/` is to keep; nil for what is no readable file of the allowed size, and for what stays
    /// where it is.
    private func contents(of file: TakenFile) throws(SpoolError) -> [UInt8]? {
        guard !file.isStuck else { return nil }
        try keepFolders()
        guard try Files.status(file.path)?.kind == S_IFREG else { return nil }
        do throws(SpoolError) {
            return try Files.read(file.path, limit: maximumFileSize)
        } catch {
            if error.isTransient { throw error }
            return nil
        }
    }

    /// What is wrong with each of several bad jobs, as far as a report is read, and how many there are.
    private static func faults(_ rejection: Submission.NewRejection) -> [JSONValue.Member] {
        guard !rejection.faults.isEmpty else { return [] }
        let listed = rejection.faults.prefix(maximumListedFaults).map { fault in
            JSONValue.object([
                JSONValue.Member("index", .number(JSONNumber(fault.index))),
                JSONValue.Member("error", fault.failure.json),
            ])
        }
        return [
            JSONValue.Member("error_count", .number(JSONNumber(rejection.faults.count))),
            JSONValue.Member("errors", .array(listed)),
        ]
    }

    /// How many bad jobs of a file are told of one by one; the others are only counted.
    static let maximumListedFaults = 100

    /// Whether `failed/` tells of this very job.
    public func hasFailure(_ name: ResultName, for id: JobID) -> Bool {
        guard let bytes = try? Files.read(path(.failed).appending("\(name).json"), limit: 16 << 20),
            let report = try? JSONValue(parsing: bytes)
        else { return false }
        return report["id"]?.string == id.rawValue
    }

    /// Removes what `failed/` holds under `name`, before the job is tried again or since it succeeded.
    public func removeFailure(_ name: ResultName) throws(SpoolError) {
        try Files.remove(path(.failed).appending("\(name).json"))
        for kind in JobFile.allCases { try Files.remove(path(.failed).appending("\(name).job.\(kind)")) }
    }

    /// Removes what came to `failed/` before `time`, and answers how many files those were. Folders stay.
    public func removeFailures(before time: Timestamp) throws(SpoolError) -> Int {
        try keepFolders()
        var count = 0
        for name in try Files.names(in: path(.failed)) {
            let path = path(.failed).appending(name)
            guard let status = try Files.status(path), status.kind != S_IFDIR else { continue }
            // A rename sets this time, which nobody else can.
            let changed = Int64(status.st_ctim.tv_sec) * 1000 + Int64(status.st_ctim.tv_nsec) / 1_000_000
            guard changed < time.millisecondsSinceEpoch else { continue }
            try Files.remove(path)
            count += 1
        }
        return count
    }

    private func publish(_ report: JSONValue, _ name: ResultName) throws(SpoolError) {
        try publish(Array((report.text(indented: true) + "\n").utf8), as: "\(name).json")
    }

    private func publish(_ bytes: [UInt8], as name: String) throws(SpoolError) {
        let staged = staging.appending("failed." + name)
        try withFolders { () throws(SpoolError) in
            try Files.write(bytes, to: staged, permissions: 0o640)
            try Files.rename(staged, to: path(.failed).appending(name))
        }
    }

    private static func report(
        _ name: ResultName, _ members: [JSONValue.Member], _ failure: JobFailure, _ source: JobSource,
        at now: Timestamp,
        job: JSONValue?
    ) -> JSONValue {
        let source = JSONValue.object([
            JSONValue.Member("file", .string(source.file)),
            JSONValue.Member("index", .number(JSONNumber(source.index))),
            JSONValue.Member("intake", .string(source.intake.rawValue)),
        ])
        let front = [JSONValue.Member("name", .string(name.rawValue)), JSONValue.Member("state", .string("failed"))]
        let back = [
            JSONValue.Member("error", failure.json), JSONValue.Member("source", source),
            JSONValue.Member("failed_at", .string(now.description)),
        ]
        return .object(front + members + back + (job.map { [JSONValue.Member("job", $0)] } ?? []))
    }

    /// The ending of a file's name with its dot, when it is a plain one.
    private static func ending(of fileName: String) -> String {
        guard let dot = fileName.lastIndex(of: "."), dot != fileName.startIndex else { return "" }
        let ending = fileName[dot...].dropFirst()
        let isPlain =
            ending.utf8.count <= 16
            && ending.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            }
        return isPlain && !ending.isEmpty ? ".\(ending)" : ""
    }
}
