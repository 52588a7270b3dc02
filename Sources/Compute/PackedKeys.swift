/// Keys and values of an attention within one image, as its products read them, laid out some tokens at a time: what is attended to,
/// where neither they nor their floats should ever be there as a whole.
///
/// As integers they need their ranges first: `needsStatistics`, `setScales`, then `append` from the first token to the last.
public final class PackedKeys {
    private let plan: AttentionPlan
    private let buffer: Buffer
    private var filled = 0

    /// Keys of a tile: bands of a multiple of so many tokens can be appended, and the rest.
    public static let tile = AttentionPlan.tileKeys

    /// Memory for the keys and values of an image.
    ///
    /// - Parameters:
    ///   - tokens: of the image.
    ///   - precision: how exact the products need be.
    ///   - isCompact: keeps 16-bit integers where they would be floats: half the memory.
    public init(
        tokens: Int, heads: Int, channels: Int, precision: WeightPrecision, isCompact: Bool, in context: Context
    ) {
        precondition(heads > 0 && channels % heads == 0, "\(heads) heads do not divide \(channels) channels")
        let element = AttentionElement(precision, causal: false, context.kernels)
        plan = AttentionPlan(
            images: 1, queries: tokens, keys: tokens, heads: heads, depth: channels / heads,
            scale: 1 / Float(channels / heads).squareRoot(), causal: false,
            element: isCompact && element == .float32 ? .int16 : element)
        buffer = context.buffer(plan.sharedElements * MemoryLayout<Float>.stride)
    }

    /// Whether ranges are needed before the first token comes.
    public var needsStatistics: Bool { plan.element.isInteger }

    /// Takes the ranges of all keys and values.
    public func setScales(keys: ImageStatistics, values: ImageStatistics, in context: Context) {
        withMemory(context) { plan.setScales(keys: keys, values: values, $0, context.kernels) }
    }

    /// Lays out the next tokens: `[1, H, W, channels]`, a multiple of `tile`, or all that are left.
    public func append(keys: Tensor, values: Tensor, in context: Context) {
        let count = keys.shape.pixels, tiles = (filled + count + PackedKeys.tile - 1) / PackedKeys.tile
        precondition(
            filled % PackedKeys.tile == 0 && filled + count <= plan.keys && values.shape == keys.shape
                && (count % PackedKeys.tile == 0 || filled + count == plan.keys),
            "\(keys.shape) cannot follow \(filled) tokens")
        withMemory(context) {
            let skipped = filled * plan.channels
            plan.pack(
                UnsafePointer(keys.pointer) - skipped, UnsafePointer(values.pointer) - skipped,
                tiles: filled / PackedKeys.tile..<tiles, into: $0, context.pool, context.kernels)
        }
        filled += count
    }

    /// `softmax(q k^T / sqrt(d)) v` for some tokens: a tensor of `q`'s shape.
    public func attend(_ q: Tensor, in context: Context) -> Tensor {
        precondition(filled == plan.keys, "\(plan.keys - filled) keys are missing")
        let result = context.tensor(q.shape), part = plan.with(queries: q.shape.pixels)
        withMemory(context) { memory in
            let queries = UnsafePointer(q.pointer), target = result.pointer
            context.pool.parallelFor(part.tasks) { index, thread in
                part.attend(queries, memory, into: target, index: index, thread: thread, context.kernels)
            }
        }
        return result
    }

    private func withMemory(_ context: Context, _ body: (AttentionScratch) -> Void) {
        context.withScratch(context.pool.threads * plan.threadElements) { threads in
            guard let shared = buffer.memory?.assumingMemoryBound(to: Float.self) else { return }
            body(AttentionScratch(plan, shared: shared, threads: threads))
        }
    }
}
