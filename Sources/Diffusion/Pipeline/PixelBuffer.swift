import Compute

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

extension PixelBuffer {
    /// A decoder's picture as bytes; nil where some of it is not finite.
    init?(_ image: Tensor) {
        guard let bytes = PixelBuffer.bytes(image) else { return nil }
        self.init(width: image.shape.w, height: image.shape.h, bytes: bytes)
    }

    /// Some rows as an encoder takes them, -1 black, 1 white.
    func write(_ rows: Range<Int>, into target: Tensor) {
        let first = rows.lowerBound * width * 3, samples = target.floats
        for index in samples.indices { samples[index] = Float(bytes[first + index]) / 255 * 2 - 1 }
    }

    /// A decoder's rows as bytes, rounded as diffusers does; nil where some of them are not finite, which bytes would hide.
    static func bytes(_ rows: Tensor) -> [UInt8]? {
        var largest: UInt32 = 0
        let bytes = rows.floats.map { value in
            largest = max(largest, value.magnitude.bitPattern)
            let unit = value / 2 + 0.5
            return UInt8(((unit > 0 ? min(unit, 1) : 0) * 255).rounded(.toNearestOrEven))
        }
        return largest < Float.infinity.bitPattern ? bytes : nil
    }
}
