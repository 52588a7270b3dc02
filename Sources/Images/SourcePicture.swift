import CWebP

/// A picture from outside, PNG or WebP, on its way to a size of ours.
///
/// Making one reads the header alone; that is the moment in which a huge or animated picture is refused.
public struct SourcePicture: Sendable {
    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int

    private let bytes: [UInt8]
    private let format: Format

    /// The most pixels that are read: 8192 x 8192.
    public static let maximumPixels = WebP.maximumPixels

    private enum Format {
        case png(isInterlaced: Bool)
        /// With the bytes that libwebp allocates for each pixel beside those that it gives.
        case webP(extraBytes: Int)
    }

    /// Takes a file's bytes.
    public init(_ bytes: [UInt8]) throws(ImageError) {
        self.bytes = bytes
        if PNG.isPNG(bytes) {
            let header = try PNG.header(of: bytes)
            (width, height) = (header.width, header.height)
            format = .png(isInterlaced: header.isInterlaced)
        } else if WebP.isWebP(bytes) {
            (width, height) = try WebP.size(of: bytes)
            format = .webP(extraBytes: try WebP.workingBytes(of: bytes))
        } else {
            throw .unknownFormat
        }
        guard width * height <= Self.maximumPixels else {
            throw .tooLarge(width: width, height: height, maximumPixels: Self.maximumPixels)
        }
    }

    /// The memory that `scaled(toWidth:height:)` takes beside the file's bytes: rows that come one by one are scaled so.
    public func peakBytes(width: Int, height: Int) -> Int {
        let scaler = LanczosScaler.byteCount(from: (self.width, self.height), to: (width, height))
        switch format {
        case .png(let isInterlaced): return scaler + 3 * self.width * (isInterlaced ? self.height : 1)
        case .webP(let extraBytes): return scaler + (3 + extraBytes) * self.width * self.height
        }
    }

    /// The picture at another size, whatever its proportions, by Lanczos' filter as diffusers scales it. Transparency is
    /// dropped.
    public func scaled(toWidth width: Int, height: Int) throws(ImageError) -> RGBImage {
        var scaler = LanczosScaler(from: (self.width, self.height), to: (width, height))
        switch format {
        case .png:
            try PNG.readRows(of: bytes) { scaler.add($0) }
        case .webP:
            let pixels = try WebP.decode(bytes, maximumPixels: Self.maximumPixels).pixels
            pixels.withUnsafeBufferPointer { pixels in
                for row in 0..<self.height {
                    scaler.add(UnsafeBufferPointer(rebasing: pixels[row * 3 * self.width..<(row + 1) * 3 * self.width]))
                }
            }
        }
        return RGBImage(width: width, height: height, pixels: scaler.pixels)
    }
}
