extension Context {
    /// `[x, y]` along the channels: `[N, H, W, A]` and `[N, H, W, B]` to `[N, H, W, A + B]`.
    public func concatenateChannels(_ x: Tensor, _ y: Tensor) -> Tensor {
        tensor(x.shape.with(c: x.shape.c + y.shape.c))
    }

    /// All images of `parts`, which have the same extent but for the batch, one after another.
    public func concatenateBatch(_ parts: [Tensor]) -> Tensor {
        var shape = parts[0].shape
        shape.n = parts.reduce(0) { $0 + $1.shape.n }
        return tensor(shape)
    }

    /// Enlarges (or shrinks) to a size by the nearest neighbour, as torch's `interpolate` does.
    public func upsampleNearest(_ x: Tensor, height: Int, width: Int) -> Tensor {
        tensor(Shape(n: x.shape.n, h: height, w: width, c: x.shape.c))
    }

    /// A channels-last tensor of `shape` from channels-first elements `[N, C, H, W]`. `values` may be empty while measuring.
    public func tensor(_ shape: Shape, channelsFirst values: [Float]) -> Tensor {
        tensor(shape)
    }

    /// The elements in channels-first order `[N, C, H, W]`, for comparison and display. Traps while measuring.
    public func channelsFirst(_ x: Tensor) -> [Float] {
        x.array()
    }
}
