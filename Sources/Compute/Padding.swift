/// Zeros around an image, in pixels.
public struct Padding: Hashable, Sendable {
    /// Columns of zeros before and after.
    public var left: Int, right: Int
    /// Rows of zeros before and after.
    public var top: Int, bottom: Int

    /// Padding of each side. Diffusers' VAE encoder pads `right: 1, bottom: 1` only.
    public init(left: Int = 0, top: Int = 0, right: Int = 0, bottom: Int = 0) {
        precondition(left >= 0 && top >= 0 && right >= 0 && bottom >= 0, "padding must not be negative")
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }

    /// The same number of zeros on every side.
    public init(all sides: Int) { self.init(left: sides, top: sides, right: sides, bottom: sides) }
}
