import Jobs
import Rendering
import Spool

/// The file that a job begins with cannot be read.
struct UnreadableInitImage: Error, CustomStringConvertible {
    let cause: SpoolError

    var description: String { cause.description }

    var failure: JobFailure {
        JobFailure(
            kind: cause.isTransient ? .transient : .permanent, code: "init_image_unusable", field: "init_image",
            message: description)
    }
}

extension Spool {
    /// Reads the picture that `request` begins with, if there is one. Blocks for the disk.
    func initImage(of request: JobRequest) throws -> InitImageFile? {
        guard let path = request.initImage else { return nil }
        let bytes: [UInt8]
        do throws(SpoolError) { bytes = try readInitImage(path) } catch { throw UnreadableInitImage(cause: error) }
        return try InitImageFile(path: path, bytes: bytes)
    }
}
