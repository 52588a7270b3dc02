import CWebP

extension WebP {
    /// Encodes `image`, on the calling thread; the same pixels give the same bytes on the same host.
    ///
    /// - Parameters:
    ///   - compression: A quality outside 0...100 is clamped.
    ///   - metadata: Goes into the XMP and Exif chunks; without it the file holds the bitstream alone.
    ///   - isStopped: Asked every few rows whether to give up, with `ImageError.stopped`.
    public static func encode(
        _ image: RGBImage, compression: Compression = .standard, metadata: PictureMetadata? = nil,
        isStopped: () -> Bool = { false }
    ) throws(ImageError) -> [UInt8] {
        let bitstream = try encodeBitstream(image, compression, isStopped)
        guard let metadata else { return bitstream }
        return try attaching(metadata, to: bitstream)
    }

    /// The same picture with `metadata` in place of what it carried: for metadata that knows how long encoding took.
    public static func attaching(_ metadata: PictureMetadata, to picture: [UInt8]) throws(ImageError) -> [UInt8] {
        try replacingMetadata(of: picture, xmp: metadata.xmpPacket(), exif: ExifComment(metadata).bytes())
    }

    private static func encodeBitstream(
        _ image: RGBImage, _ compression: Compression, _ isStopped: () -> Bool
    ) throws(ImageError) -> [UInt8] {
        guard image.width <= maximumSide, image.height <= maximumSide else {
            throw .unencodableSize(width: image.width, height: image.height)
        }
        var configuration = WebPConfig()
        var picture = WebPPicture()
        guard WebPConfigInit(&configuration) != 0, WebPPictureInit(&picture) != 0 else { throw .encoding(code: 0) }
        switch compression {
        case .lossy(let quality): configuration.quality = Float(min(max(quality, 0), 100))
        case .lossless:
            configuration.lossless = 1
            configuration.quality = 75
            // A method above keeps histograms of smaller tiles: three times the memory, by what the picture shows, for 3 % of the file.
            configuration.method = 2
        }
        configuration.thread_level = 0

        var writer = WebPMemoryWriter()
        WebPMemoryWriterInit(&writer)
        defer { WebPMemoryWriterClear(&writer) }
        picture.width = Int32(image.width)
        picture.height = Int32(image.height)
        picture.use_argb = compression == .lossless ? 1 : 0
        picture.writer = WebPMemoryWrite
        defer { WebPPictureFree(&picture) }
        let encoded = withUnsafeMutablePointer(to: &writer) { writer in
            picture.custom_ptr = UnsafeMutableRawPointer(writer)
            return withoutActuallyEscaping(isStopped) { isStopped in
                let question = Question(isStopped)
                picture.user_data = Unmanaged.passUnretained(question).toOpaque()
                picture.progress_hook = { _, picture in
                    guard let question = picture?.pointee.user_data else { return 1 }
                    return Unmanaged<Question>.fromOpaque(question).takeUnretainedValue().isStopped() ? 0 : 1
                }
                defer { withExtendedLifetime(question) {} }
                return WebPPictureImportRGB(&picture, image.pixels, Int32(image.width * 3)) != 0
                    && WebPEncode(&configuration, &picture) != 0
            }
        }
        if picture.error_code == VP8_ENC_ERROR_USER_ABORT { throw .stopped }
        guard encoded else { throw .encoding(code: Int(picture.error_code.rawValue)) }
        return Array(UnsafeBufferPointer(start: writer.mem, count: writer.size))
    }
}

/// What libwebp's hook asks.
private final class Question {
    let isStopped: () -> Bool

    init(_ isStopped: @escaping () -> Bool) { self.isStopped = isStopped }
}
