extension Context {
    /// `activation(x * weight^T + bias + residual)` over the rows of `x`: `[N, H, W, inputs]` to `[N, H, W, outputs]`.
    ///
    /// - Parameters:
    ///   - bias: one float an output.
    ///   - residual: added before the activation; of the result's shape. The result never overwrites it.
    public func linear(
        _ x: Tensor, _ weight: LinearWeight, bias: Constant? = nil, residual: Tensor? = nil,
        activation: Activation = .none
    ) -> Tensor {
        let result = tensor(x.shape.with(c: weight.outputs))
        return result
    }

    /// Rows of `table` by index: token embeddings. `[count]` to `[1, 1, count, inputs]`.
    public func rows(_ indices: [Int], of table: LinearWeight) -> Tensor {
        let result = tensor(Shape(batch: 1, tokens: indices.count, channels: table.inputs))
        return result
    }
}
