import CKernels

extension Context {
    /// `softmax(scale * q k^T) v` for each head, in tiles: the matrix of scores never exists.
    ///
    /// - Parameters:
    ///   - q: `[B, 1, T, heads * d]`; image tensors `[B, H, W, heads * d]` are taken as `T = H * W` tokens.
    ///   - k, v: `[B, 1, S, heads * d]`; S need not be T.
    ///   - scale: positive; nil is `1 / sqrt(d)`.
    ///   - causal: a token sees itself and those before it (needs `S == T`).
    ///   - precision: how exact the products need be. They take the fastest numbers of this CPU that are: for bf16 those may be 16-bit
    ///     integers, and for every precision floats.
    /// - Returns: a tensor of `q`'s shape.
    public func attention(
        q: Tensor, k: Tensor, v: Tensor, heads: Int, scale: Float? = nil, causal: Bool = false,
        precision: WeightPrecision = .fp32
    ) -> Tensor {
        precondition(heads > 0 && q.shape.c % heads == 0, "\(heads) heads do not divide \(q.shape.c) channels")
        precondition(
            k.shape == v.shape && k.shape.n == q.shape.n && k.shape.c == q.shape.c, "\(k.shape) does not fit \(q.shape)"
        )
        precondition(!causal || k.shape.pixels == q.shape.pixels, "causal attention needs as many keys as queries")
        precondition(scale.map { $0 > 0 } ?? true, "a scale of \(scale ?? 0) is not positive")
        let plan = AttentionPlan(
            images: q.shape.n, queries: q.shape.pixels, keys: k.shape.pixels, heads: heads, depth: q.shape.c / heads,
            scale: scale ?? 1 / Float(q.shape.c / heads).squareRoot(), causal: causal,
            element: AttentionElement(precision, causal: causal, kernels))
        let result = tensor(q.shape)
        withScratch(plan.sharedElements + pool.threads * plan.threadElements) { scratch in
            let memory = AttentionScratch(plan, shared: scratch, threads: scratch + plan.sharedElements)
            let queries = UnsafePointer(q.pointer), target = result.pointer
            plan.pack(UnsafePointer(k.pointer), UnsafePointer(v.pointer), into: memory, pool, kernels)
            pool.parallelFor(plan.tasks) { index, thread in
                plan.attend(queries, memory, into: target, index: index, thread: thread, kernels)
            }
        }
        return result
    }
}
