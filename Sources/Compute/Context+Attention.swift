import CKernels

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
        precondition(heads > 0 && q.shape.c % heads == 0, "\(heads) heads do not divide \(q.shape.c) channels")
        precondition(
            k.shape == v.shape && k.shape.n == q.shape.n && k.shape.c == q.shape.c, "\(k.shape) does not fit \(q.shape)"
        )
        precondition(!causal || k.shape.pixels == q.shape.pixels, "causal attention needs as many keys as queries")
        let plan = AttentionPlan(
            images: q.shape.n, queries: q.shape.pixels, keys: k.shape.pixels, heads: heads, depth: q.shape.c / heads,
            scale: scale ?? 1 / Float(q.shape.c / heads).squareRoot(), causal: causal)
        let result = tensor(q.shape)
        let packedElements = 2 * k.shape.count
        withScratch(packedElements + pool.threads * plan.threadElements) { packed in
            let keys = UnsafePointer(k.pointer), values = UnsafePointer(v.pointer)
            pool.parallelFor(plan.packs) { plan.pack(keys, values, index: $0, into: packed, kernels) }
            let queries = UnsafePointer(q.pointer), target = result.pointer
            pool.parallelFor(plan.tasks) { index, thread in
                let scratch = packed + packedElements + thread * plan.threadElements
                plan.attend(queries, packed, into: target, index: index, scratch: scratch, kernels)
            }
        }
        return result
    }
}
