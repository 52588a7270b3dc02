/// Elements in an arena, seen in a shape. Copies of a tensor share their memory.
///
/// The memory returns to the arena with the last copy: let a tensor go out of scope (or `consume` it) as soon as it is
/// not needed, since the sum of the living is the peak that a job is charged for.
public struct Tensor {
    /// The extent, channels last.
    public let shape: Shape
    /// The type of the elements.
    public let type: ElementType
    let buffer: Buffer
    /// Bytes from the buffer's start to the first element.
    let byteOffset: Int
    /// What the product that made these elements collected for the next normalization.
    var statistics: ChannelStatistics?

    init(shape: Shape, type: ElementType, buffer: Buffer, byteOffset: Int = 0) {
        precondition(byteOffset + shape.byteCount(type) <= buffer.byteCount, "a tensor \(shape) outgrows its buffer")
        self.shape = shape
        self.type = type
        self.buffer = buffer
        self.byteOffset = byteOffset
    }

    /// The same elements in another shape of the same count.
    public func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.count == self.shape.count, "\(self.shape) cannot be seen as \(shape)")
        return Tensor(shape: shape, type: type, buffer: buffer, byteOffset: byteOffset)
    }

    /// `count` images of the batch from `first`, sharing memory.
    public func batch(_ first: Int, count: Int = 1) -> Tensor {
        precondition(
            first >= 0 && count > 0 && first + count <= shape.n, "the batch of \(shape) has no \(first)+\(count)")
        let one = Shape(n: 1, h: shape.h, w: shape.w, c: shape.c)
        let part = Shape(n: count, h: shape.h, w: shape.w, c: shape.c)
        return Tensor(shape: part, type: type, buffer: buffer, byteOffset: byteOffset + first * one.byteCount(type))
    }

    /// Some rows of the one image, sharing memory.
    public func rows(_ range: Range<Int>) -> Tensor {
        precondition(shape.n == 1 && range.upperBound <= shape.h, "\(shape) has no rows \(range) of one image")
        let line = Shape(n: 1, h: 1, w: shape.w, c: shape.c)
        return Tensor(
            shape: Shape(n: 1, h: range.count, w: shape.w, c: shape.c), type: type, buffer: buffer,
            byteOffset: byteOffset + range.lowerBound * line.byteCount(type))
    }

    /// The elements, to read and write, valid as long as the tensor lives. Traps while measuring: ask
    /// `Context.isMeasuring` first.
    public var floats: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: pointer, count: shape.count)
    }

    /// The elements as bytes, valid as long as the tensor lives. Traps while measuring.
    public var rawBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: bytes, count: shape.byteCount(type))
    }

    /// A copy of the elements. Traps while measuring.
    public func array() -> [Float] { Array(floats) }

    /// The first byte. Traps while measuring.
    var bytes: UnsafeMutableRawPointer {
        guard let memory = buffer.memory else { preconditionFailure("a measuring tensor has no elements") }
        return memory + byteOffset
    }

    /// The first element. Traps while measuring.
    var pointer: UnsafeMutablePointer<Float> {
        precondition(type == .float32, "the tensor holds \(type), not float32")
        return bytes.assumingMemoryBound(to: Float.self)
    }
}
