extension Context {
    /// `activation(convolution(x) + bias + timeBias + residual)`: `[N, H, W, inputs]` to `[N, H', W', outputs]`.
    ///
    /// - Parameters:
    ///   - bias: one float an output.
    ///   - upsampledTo: the input is first enlarged to this size, nearest neighbour; the enlarged image never exists.
    ///   - timeBias: `[N, 1, 1, outputs]`, added to every pixel of its image.
    ///   - residual: of the result's shape, added before the activation. The result never overwrites it.
    public func convolution(
        _ x: Tensor, _ weight: ConvolutionWeight, bias: Constant? = nil, stride: Int = 1,
        padding: Padding = Padding(), upsampledTo size: (height: Int, width: Int)? = nil, timeBias: Tensor? = nil,
        residual: Tensor? = nil, activation: Activation = .none
    ) -> Tensor {
        let (h, w) = size ?? (x.shape.h, x.shape.w)
        let outputHeight = (h + padding.top + padding.bottom - weight.height) / stride + 1
        let outputWidth = (w + padding.left + padding.right - weight.width) / stride + 1
        return tensor(Shape(n: x.shape.n, h: outputHeight, w: outputWidth, c: weight.outputs))
    }
}
