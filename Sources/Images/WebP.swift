/// The WebP format, through libwebp and its mux library.
///
/// ```
/// RIFF <size> WEBP
///   VP8X  canvas size, which of the following there are     (only with metadata)
///   VP8   or VP8L: the bitstream, that is the pixels        same job, same host: the same bytes
///   EXIF  UserComment = the parameters line                 what most other tools read
///   XMP   everything about how it was made                  holds measured times: differs between runs
/// ```
public enum WebP {
    /// How pixels become bytes.
    public enum Compression: Equatable, Sendable {
        /// VP8; quality 0 (small) to 100.
        case lossy(quality: Int)
        /// VP8L: every pixel as it was.
        case lossless

        /// What a job that does not say gets.
        public static let standard = Compression.lossy(quality: 90)
    }

    /// The longest side that the format holds.
    public static let maximumSide = 16383

    /// The most pixels that `decode` reads unless told otherwise: 8192 x 8192, 192 MiB of samples.
    public static let maximumPixels = 8192 * 8192
}
