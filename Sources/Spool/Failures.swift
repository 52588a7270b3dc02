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
        try publish(request.json.text(indented: true) + "\n", as: "\(job.name).job.json")
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

    /// Does the same for something that is no job. The file itself is what was asked for when none of it can be used; it is
    /// moved to `failed/NAME.job.EXTENSION` last, so that a crash before leaves it in `work/` and all of this is repeated.
    public func writeFailed(
        _ rejection: Rejection, _ original: Submission.NewRejection, of file: TakenFile, at now: Timestamp
    ) throws(SpoolError) {
        let name = rejection.name
        if case .text(let text, let kind) = original.original { try publish(text, as: "\(name).job.\(kind)") }
        try publish(Self.report(name, [], rejection.failure, rejection.source, at: now, job: original.json), name)
        guard original.original == .file, !file.isStuck else { return }
        try withFolders { () throws(SpoolError) in
            // Whoever removed work/ has removed it too.
            guard try Files.status(file.path) != nil else { return }
            try Files.rename(file.path, to: path(.failed).appending("\(name).job\(Self.ending(of: file.fileName))"))
        }
    }

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

    private func publish(_ report: JSONValue, _ name: ResultName) throws(SpoolError) {
        try publish(report.text(indented: true) + "\n", as: "\(name).json")
    }

    private func publish(_ text: String, as name: String) throws(SpoolError) {
        let staged = staging.appending("failed." + name)
        try withFolders { () throws(SpoolError) in
            try Files.write(Array(text.utf8), to: staged, permissions: 0o640)
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
