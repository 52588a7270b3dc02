/// The extent of a tensor, channels last: `[N, H, W, C]`.
///
/// A token matrix `[B, T, C]` is `n = B, h = 1, w = T, c = C`: the same bytes as an image of one row.
public struct Shape: Hashable, Sendable, CustomStringConvertible {
    /// Batch.
    public var n: Int
    /// Rows of the image; 1 for tokens.
    public var h: Int
    /// Columns of the image; tokens of a sequence.
    public var w: Int
    /// Channels, contiguous in memory.
    public var c: Int

    /// An image batch `[N, H, W, C]`. All extents must be at least 1.
    public init(n: Int, h: Int, w: Int, c: Int) {
        precondition(n > 0 && h > 0 && w > 0 && c > 0, "a shape has an extent below 1: [\(n), \(h), \(w), \(c)]")
        self.n = n
        self.h = h
        self.w = w
        self.c = c
    }

    /// A batch of token matrices `[B, T, C]`.
    public init(batch: Int, tokens: Int, channels: Int) {
        self.init(n: batch, h: 1, w: tokens, c: channels)
    }

    /// Pixels of one image, or tokens of one sequence.
    public var pixels: Int { product(h, w) }

    /// Pixels or tokens of the whole batch: the rows of the matrix `[rows, C]` that has the same bytes.
    public var rows: Int { product(n, pixels) }

    /// Elements in all.
    public var count: Int { product(rows, c) }

    /// Bytes that elements of `type` take in this shape.
    public func byteCount(_ type: ElementType = .float32) -> Int { product(count, type.byteCount) }

    /// This shape with another number of channels.
    public func with(c: Int) -> Shape { Shape(n: n, h: h, w: w, c: c) }

    /// `[N, H, W, C]` as text.
    public var description: String { "[\(n), \(h), \(w), \(c)]" }

    private func product(_ a: Int, _ b: Int) -> Int {
        let (value, overflow) = a.multipliedReportingOverflow(by: b)
        precondition(!overflow, "the shape \(description) has more elements than an address can count")
        return value
    }
}
