import Glibc
import JSONText
import Jobs
import SystemPackage

/// The steps in which a result appears. A crash between two of them leaves no record, and the job is painted again; after
/// the last one it is done, whatever the queue says.
public enum ResultStep: CaseIterable, Sendable {
    case removeFailure, stagePicture, publishPicture, stageRecord, publishRecord
}

extension Spool {
    /// Removes what an earlier attempt left in `failed/`, writes `done/NAME.webp`, then `done/NAME.json`.
    ///
    /// `record` must be a JSON object whose `id` is the job's; `hasResult` looks for it. Doing so again replaces both.
    public func writeDone(_ name: ResultName, picture: [UInt8], record: [UInt8]) throws(SpoolError) {
        try withFolders { () throws(SpoolError) in
            for step in ResultStep.allCases { try perform(step, name, picture: picture, record: record) }
        }
    }

    /// One step of `writeDone`. They follow each other in the order of `ResultStep.allCases`.
    public func perform(
        _ step: ResultStep, _ name: ResultName, picture: [UInt8], record: [UInt8]
    ) throws(SpoolError) {
        let done = path(.done)
        switch step {
        case .removeFailure: try removeFailure(name)
        case .stagePicture: try Files.write(picture, to: staging.appending("done.\(name).webp"), permissions: 0o640)
        case .publishPicture:
            try Files.rename(staging.appending("done.\(name).webp"), to: done.appending("\(name).webp"))
        case .stageRecord: try Files.write(record, to: staging.appending("done.\(name).json"), permissions: 0o640)
        case .publishRecord:
            try Files.rename(staging.appending("done.\(name).json"), to: done.appending("\(name).json"))
        }
    }

    /// Whether `done/` holds the picture and the record of this very job, as far as can be told now.
    public func hasResult(_ name: ResultName, for id: JobID) -> Bool {
        do { return try findResult(name, for: id) } catch { return false }
    }

    /// Whether `done/` holds the picture and the record of this very job. Throws while that cannot be known: a wrong no would make the
    /// picture twice.
    public func findResult(_ name: ResultName, for id: JobID) throws(SpoolError) -> Bool {
        let bytes: [UInt8]
        do {
            bytes = try Files.read(path(.done).appending("\(name).json"), limit: 16 << 20)
        } catch {
            if error.isTransient { throw error }
            return false
        }
        guard let record = try? JSONValue(parsing: bytes), record["id"]?.string == id.rawValue else { return false }
        return try Files.status(path(.done).appending("\(name).webp"))?.kind == S_IFREG
    }

    /// Whether a file of this name lies in `done/` or `failed/`, whoever owns it. A folder that cannot be looked at counts as a no:
    /// nothing can be replaced there, and no other name would be better off.
    public func isOccupied(_ name: ResultName) -> Bool {
        let paths = [
            path(.done).appending("\(name).webp"), path(.done).appending("\(name).json"),
            path(.failed).appending("\(name).json"),
        ]
        return paths.contains { path in
            do { return try Files.status(path) != nil } catch { return false }
        }
    }

    /// Removes what `done/` and `failed/` hold under `name`: the record first, so that no record lacks its picture.
    public func removeResult(_ name: ResultName) throws(SpoolError) {
        try Files.remove(path(.done).appending("\(name).json"))
        try Files.remove(path(.done).appending("\(name).webp"))
        try removeFailure(name)
    }
}
