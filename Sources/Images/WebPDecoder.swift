import CWebP

extension WebP {
    /// Decodes a still picture; transparency is dropped.
    ///
    /// - Parameter maximumPixels: A larger picture is refused before anything is allocated for it.
    public static func decode(_ bytes: [UInt8], maximumPixels: Int = maximumPixels) throws(ImageError) -> RGBImage {
        let (width, height) = try size(of: bytes)
        guard width * height <= maximumPixels else {
            throw .tooLarge(width: width, height: height, maximumPixels: maximumPixels)
        }
        var failed = false
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            count = width * height * 3
            failed = WebPDecodeRGBInto(bytes, bytes.count, buffer.baseAddress, count, Int32(width * 3)) == nil
            // A damaged picture leaves rows unwritten; nobody sees them, but memory handed back is initialized.
            if failed { buffer.initialize(repeating: 0) }
        }
        guard !failed else { throw .corrupt("its bitstream cannot be decoded") }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    /// Hands every row of a still picture, top to bottom, to `body`: `3 * width` bytes. `goesOn` is asked whenever more of the file
    /// was decoded, and before each row. The whole picture is in memory; transparency is dropped.
    static func readRows(
        of bytes: [UInt8], goesOn: () -> Bool, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) throws(ImageError) {
        let (width, height) = try size(of: bytes)
        let stride = 3 * width
        let pixels = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: stride * height)
        defer { pixels.deallocate() }
        // A damaged picture leaves rows unwritten.
        pixels.initialize(repeating: 0)
        guard let decoder = WebPINewRGB(MODE_RGB, pixels.baseAddress, pixels.count, Int32(stride)) else {
            throw .noMemory
        }
        defer { WebPIDelete(decoder) }
        var known = 0, status = VP8_STATUS_SUSPENDED
        while status == VP8_STATUS_SUSPENDED, known < bytes.count {
            guard goesOn() else { throw .stopped }
            known = min(known + pieceBytes, bytes.count)
            status = bytes.withUnsafeBufferPointer { WebPIUpdate(decoder, $0.baseAddress, known) }
        }
        guard status == VP8_STATUS_OK else { throw .corrupt("its bitstream cannot be decoded") }
        for row in 0..<height {
            guard goesOn() else { throw .stopped }
            body(UnsafeBufferPointer(rebasing: pixels[row * stride..<(row + 1) * stride]))
        }
    }

    /// So much of a file is decoded between two questions.
    private static let pieceBytes = 1 << 16

    /// Whether these bytes begin as a WebP does.
    static func isWebP(_ bytes: [UInt8]) -> Bool {
        bytes.starts(with: Array("RIFF".utf8)) && bytes.dropFirst(8).starts(with: Array("WEBP".utf8))
    }

    /// The size that the header gives, in pixels.
    public static func size(of bytes: [UInt8]) throws(ImageError) -> (width: Int, height: Int) {
        let features = try features(of: bytes)
        return (Int(features.width), Int(features.height))
    }

    /// What libwebp allocates for each pixel while it decodes, beside the samples: VP8L's own, or a plane of transparency.
    static func workingBytes(of bytes: [UInt8]) throws(ImageError) -> Int {
        let features = try features(of: bytes)
        return features.format == 2 ? 4 : features.has_alpha != 0 ? 5 : 0
    }

    private static func features(of bytes: [UInt8]) throws(ImageError) -> WebPBitstreamFeatures {
        guard isWebP(bytes) else { throw .notWebP }
        let declared = (0..<4).reduce(0) { $0 | Int(bytes[4 + $1]) << (8 * $1) }
        guard bytes.count >= declared + 8 else { throw .truncated }
        var features = WebPBitstreamFeatures()
        switch WebPGetFeatures(bytes, bytes.count, &features) {
        case VP8_STATUS_OK: break
        case VP8_STATUS_NOT_ENOUGH_DATA: throw .truncated
        default: throw .corrupt("its header cannot be read")
        }
        guard features.has_animation == 0 else { throw .animated }
        return features
    }
}
