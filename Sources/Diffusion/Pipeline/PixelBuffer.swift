/// A picture: rows of RGB bytes, top to bottom, without gaps.
public struct PixelBuffer: Hashable, Sendable {
    /// Columns and rows.
    public let width: Int, height: Int
    /// `width * height * 3` bytes: red, green, blue.
    public let bytes: [UInt8]

    /// Pixels of a size.
    public init(width: Int, height: Int, bytes: [UInt8]) {
        precondition(bytes.count == width * height * 3, "\(bytes.count) bytes are no \(width) x \(height) RGB picture")
        self.width = width
        self.height = height
        self.bytes = bytes
    }
}
