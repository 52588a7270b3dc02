/// A picture from outside, PNG, JPEG or WebP, on its way to a size of ours.
///
/// Making one reads the header and the metadata alone; that is the moment in which a huge or animated picture is refused.
/// Its size is what is seen: a picture whose Exif or XMP says so is turned before anything else is done with it.
public struct SourcePicture: Sendable {
    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int

    private let bytes: [UInt8]
    private let format: Format
    private let orientation: Orientation
    /// As the rows are stored.
    private let stored: (width: Int, height: Int)

    /// The longest side that is read, in pixels.
    public static let maximumSide = 8192

    private enum Format {
        case png(isInterlaced: Bool)
        /// With what libjpeg allocates beside its rows.
        case jpeg(workingBytes: Int)
        /// With the bytes that libwebp allocates for each pixel beside those that it gives.
        case webP(extraBytes: Int)
    }

    /// Takes a file's bytes.
    public init(_ bytes: [UInt8]) throws(ImageError) {
        self.bytes = bytes
        let exif: ArraySlice<UInt8>?, xmp: ArraySlice<UInt8>?
        if PNG.isPNG(bytes) {
            let header = try PNG.header(of: bytes), metadata = PNGMetadata(bytes)
            stored = (header.width, header.height)
            format = .png(isInterlaced: header.isInterlaced)
            (exif, xmp) = (metadata.exif, metadata.xmp)
        } else if JPEG.isJPEG(bytes) {
            let header = try JPEG.header(of: bytes), metadata = JPEGMetadata(bytes)
            stored = (header.width, header.height)
            format = .jpeg(workingBytes: header.workingBytes)
            (exif, xmp) = (metadata.exif, metadata.xmp)
        } else if WebP.isWebP(bytes) {
            stored = try WebP.size(of: bytes)
            format = .webP(extraBytes: try WebP.workingBytes(of: bytes))
            // Chunks that cannot be read turn nothing.
            (exif, xmp) = ((try? WebP.exif(of: bytes))?[...], (try? WebP.xmp(of: bytes))?[...])
        } else {
            throw .unknownFormat
        }
        guard max(stored.width, stored.height) <= Self.maximumSide else {
            throw .sideTooLong(width: stored.width, height: stored.height, maximumSide: Self.maximumSide)
        }
        orientation = Orientation(exif: exif, xmp: xmp)
        (width, height) = orientation.swapsSides ? (stored.height, stored.width) : (stored.width, stored.height)
    }

    /// The memory that `scaled(toWidth:height:)` takes beside the file's bytes: rows that come one by one are scaled so.
    public func peakBytes(width: Int, height: Int) -> Int {
        let scaler = LanczosScaler.byteCount(from: stored, to: (width, height), turned: orientation)
        switch format {
        case .png(let isInterlaced):
            return scaler + 3 * stored.width * (isInterlaced ? stored.height : 1)
                + PNG.workingBytes(width: stored.width)
        case .jpeg(let workingBytes): return scaler + 4 * stored.width + workingBytes
        case .webP(let extraBytes): return scaler + (3 + extraBytes) * stored.width * stored.height
        }
    }

    /// The picture at another size, whatever its proportions, by Lanczos' filter as diffusers scales it. Transparency is
    /// dropped.
    ///
    /// - Parameter goesOn: Asked at every row of the file and of the result, and more often where much is read before the first;
    ///   once it answered false it must go on to do so, and the end is `ImageError.stopped`.
    public func scaled(toWidth width: Int, height: Int, goesOn: () -> Bool = { true }) throws(ImageError) -> RGBImage {
        var scaler = LanczosScaler(from: stored, to: (width, height), turned: orientation)
        switch format {
        case .png: try PNG.readRows(of: bytes, goesOn: goesOn) { scaler.add($0, goesOn: goesOn) }
        case .jpeg: try JPEG.readRows(of: bytes, goesOn: goesOn) { scaler.add($0, goesOn: goesOn) }
        case .webP: try WebP.readRows(of: bytes, goesOn: goesOn) { scaler.add($0, goesOn: goesOn) }
        }
        guard scaler.isComplete else { throw .stopped }
        return RGBImage(width: width, height: height, pixels: scaler.pixels)
    }
}
