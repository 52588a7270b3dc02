import CKernels

/// One attention in tiles: keys and values are packed a tile of a head at a time, then each task runs a block of queries of one
/// head over all tiles with a running softmax.
///
/// Packed memory: for each image, head and tile of `n` keys, the transposed keys `[depth, n]` and then the values
/// `[n, depth]`, contiguous.
struct AttentionPlan {
    let images: Int
    let queries: Int
    let keys: Int
    let heads: Int
    /// Channels of a head.
    let depth: Int
    let scale: Float
    let causal: Bool

    private static let blockQueries = 96
    private static let tileKeys = 256

    private var channels: Int { heads * depth }
    private var tiles: Int { (keys + AttentionPlan.tileKeys - 1) / AttentionPlan.tileKeys }
    private var blocks: Int { (queries + AttentionPlan.blockQueries - 1) / AttentionPlan.blockQueries }

    /// Independent packings: one a tile of a head.
    var packs: Int { images * heads * tiles }
    /// Independent tasks: one a block of queries of a head.
    var tasks: Int { images * heads * blocks }
    /// Floats of scratch that a thread needs: a tile of scores, and maximum, sum and correction of each query.
    var threadElements: Int { AttentionPlan.blockQueries * (AttentionPlan.tileKeys + 16) }

    /// Where a tile begins in packed memory, and its keys.
    private func tile(_ tile: Int, head: Int) -> (offset: Int, keys: Range<Int>) {
        let first = tile * AttentionPlan.tileKeys
        return (2 * (head * keys + first) * depth, first..<min(keys, first + AttentionPlan.tileKeys))
    }

    /// Packs one tile. `head` counts over all images.
    func pack(
        _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, index: Int, into packed: UnsafeMutablePointer<Float>,
        _ kernels: kernels
    ) {
        let head = index / tiles
        let (offset, range) = tile(index % tiles, head: head)
        let start = (head / heads * keys + range.lowerBound) * channels + head % heads * depth
        kernels.transpose(packed + offset, range.count, k + start, channels, range.count, depth)
        let values = packed + offset + range.count * depth
        for row in 0..<range.count {
            (values + row * depth).update(from: v + start + row * channels, count: depth)
        }
    }

    /// Computes one block of queries of one head.
    func attend(
        _ q: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>, index: Int,
        scratch: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let head = index / blocks, first = index % blocks * AttentionPlan.blockQueries
        let rows = min(AttentionPlan.blockQueries, queries - first)
        let start = (head / heads * queries + first) * channels + head % heads * depth
        let block = AttentionPlan.blockQueries
        let maximum = scratch, sum = scratch + block, correction = scratch + 2 * block, scores = scratch + 16 * block
        maximum.update(repeating: -.infinity, count: rows)
        sum.update(repeating: 0, count: rows)
        let last = causal ? first + rows : keys
        for index in 0..<tiles {
            let (offset, range) = tile(index, head: head)
            if range.lowerBound >= last { break }
            kernels.gemm(
                scores, range.count, q + start, channels, packed + offset, range.count, rows, range.count, depth, 0)
            if causal && range.upperBound > first + 1 {
                maskedSoftmax(scores, range, first: first, rows: rows, maximum, sum, correction, kernels)
            } else {
                kernels.softmax_tile(scores, range.count, rows, range.count, scale, maximum, sum, correction)
            }
            if index > 0 { kernels.scale_rows(result + start, channels, rows, depth, correction) }
            kernels.gemm(
                result + start, channels, scores, range.count, packed + offset + range.count * depth, depth, rows,
                depth,
                range.count, index > 0 ? 1 : 0)
        }
        for row in 0..<rows { sum[row] = 1 / sum[row] }
        kernels.scale_rows(result + start, channels, rows, depth, sum)
    }

    /// The softmax of a tile that the diagonal crosses: each row ends at its own token.
    private func maskedSoftmax(
        _ scores: UnsafeMutablePointer<Float>, _ keys: Range<Int>, first: Int, rows: Int,
        _ maximum: UnsafeMutablePointer<Float>, _ sum: UnsafeMutablePointer<Float>,
        _ correction: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        for row in 0..<rows {
            let seen = min(keys.count, max(0, first + row + 1 - keys.lowerBound))
            let line = scores + row * keys.count
            if seen > 0 {
                kernels.softmax_tile(line, keys.count, 1, seen, scale, maximum + row, sum + row, correction + row)
            } else {
                correction[row] = 1
            }
            (line + seen).update(repeating: 0, count: keys.count - seen)
        }
    }
}
