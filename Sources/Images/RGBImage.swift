/// A picture in memory: 8 bits a sample, red, green, blue, rows from the top, nothing between them.
public struct RGBImage: Equatable, Sendable {
    /// Width in pixels.
    public let width: Int
    /// Height in pixels.
    public let height: Int
    /// `[height, width, 3]` samples.
    public let pixels: [UInt8]

    /// Takes `pixels` as they are. Their count must be `width * height * 3`, and no side may be empty.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        let isConsistent = width > 0 && height > 0 && pixels.count == width * height * 3
        precondition(isConsistent, "An image's size matches its pixels.")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// The three samples at column `x`, row `y`.
    public subscript(x: Int, y: Int) -> (red: UInt8, green: UInt8, blue: UInt8) {
        let start = (y * width + x) * 3
        return (pixels[start], pixels[start + 1], pixels[start + 2])
    }
}
