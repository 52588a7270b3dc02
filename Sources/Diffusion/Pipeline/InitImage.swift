/// A picture to begin with.
public struct InitImage: Hashable, Sendable {
    /// Of the size that is asked for.
    public var pixels: PixelBuffer
    /// How far to go from it: above 0, where it stays as it is, to 1, where little is left of it.
    public var strength: Double

    /// Names both.
    public init(pixels: PixelBuffer, strength: Double) {
        self.pixels = pixels
        self.strength = strength
    }
}
