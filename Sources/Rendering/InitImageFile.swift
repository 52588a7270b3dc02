import Diffusion
import Images
import Models

/// The file of a picture that a job begins with, as it was when the job began: read once, whatever becomes of it then.
public struct InitImageFile: Sendable {
    /// The job's `init_image`.
    public let path: String
    /// Of its bytes.
    public let sha256: String
    /// Its own size in pixels, as it is seen: turned as its metadata say.
    public var size: (width: Int, height: Int) { (picture.width, picture.height) }

    private let byteCount: Int
    private let picture: SourcePicture

    /// Reads the header in `bytes`. A picture that is damaged there, too large or animated is refused.
    public init(path: String, bytes: [UInt8]) throws(RenderingError) {
        do throws(ImageError) { picture = try SourcePicture(bytes) } catch { throw .initImage(path, error) }
        self.path = path
        byteCount = bytes.count
        sha256 = bytes.withUnsafeBytes { SHA256.hexadecimal($0) }
    }

    /// The memory that it takes while it is scaled, the file's bytes among it.
    func peakBytes(width: Int, height: Int) -> Int { byteCount + picture.peakBytes(width: width, height: height) }

    /// The memory that it takes from then on: the file's bytes, and the pixels at the picture's size.
    func heldBytes(width: Int, height: Int) -> Int { byteCount + 3 * width * height }

    /// The picture at a size of ours. `observer` is told at every row; what it throws ends the work and comes back as
    /// `RenderingError.interrupted`.
    func pixels(width: Int, height: Int, observer: () throws -> Void) throws(RenderingError) -> PixelBuffer {
        var interruption: (any Error)?
        do throws(ImageError) {
            let image = try picture.scaled(toWidth: width, height: height) {
                guard interruption == nil else { return false }
                do { try observer() } catch { interruption = error }
                return interruption == nil
            }
            return PixelBuffer(width: width, height: height, bytes: image.pixels)
        } catch {
            if let interruption { throw .interrupted(interruption) }
            throw .initImage(path, error)
        }
    }
}
