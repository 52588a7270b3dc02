extension Context {
    /// Applies `activation` to every element, in place.
    public func apply(_ activation: Activation, to x: Tensor) {}

    /// `x[..., ..<C] * gelu(x[..., C...])`: `[N, H, W, 2C]` to `[N, H, W, C]`, with the exact GELU.
    public func geglu(_ x: Tensor) -> Tensor {
        tensor(x.shape.with(c: x.shape.c / 2))
    }

    /// `x + y`, a new tensor. `y` has `x`'s shape, or one image that is added to each of `x`'s batch.
    public func add(_ x: Tensor, _ y: Tensor) -> Tensor {
        tensor(x.shape)
    }

    /// `x += factor * y`, in place, same shapes.
    public func accumulate(_ y: Tensor, times factor: Float = 1, into x: Tensor) {}

    /// `x = x * factor + offset`, in place.
    public func scale(_ x: Tensor, by factor: Float, plus offset: Float = 0) {}

    /// A copy of `x`.
    public func copy(_ x: Tensor) -> Tensor {
        tensor(x.shape)
    }
}
