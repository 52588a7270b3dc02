import CKernels

/// One attention in tiles. Keys and values are laid out once; then each task runs a block of queries of one head over all
/// tiles of keys:
///
/// ```
/// queries [block, d] ─► panel [d][block] ──┐
/// keys [n][d] ─────────────────────────────┴► scores [n][block] ─► weights, a panel ─┐
/// values, transposed [d][n] ─────────────────────────────────────────────────────────┴► sums [d][block] ─► total [d][block]
/// ```
/// Queries are columns throughout, so the softmax is one of vectors and the weights are written as the next product reads them.
/// As integers, keys and values have a scale and an offset for each channel. The keys' scale moves to the queries; their offset
/// adds the same to all scores of a query, which the softmax does not see. Values have one row more, of ones: it finds the sum
/// of the rounded weights. What rounding loses is given to the mean value. Weights are relative to the largest of their tile, as
/// is the running softmax's correction. (Offsets that softmax ignores: SageAttention, arXiv 2410.02367.)
struct AttentionPlan {
    let images: Int
    let queries: Int
    let keys: Int
    let heads: Int
    /// Channels of a head.
    let depth: Int
    /// Positive.
    let scale: Float
    let causal: Bool
    let element: AttentionElement

    /// The same keys for other queries.
    func with(queries: Int) -> AttentionPlan {
        AttentionPlan(
            images: images, queries: queries, keys: keys, heads: heads, depth: depth, scale: scale, causal: causal,
            element: element)
    }

    static let blockQueries = Int(KERNELS_PANEL_COLUMNS)
    static let tileKeys = 192
    /// Rows behind the last that a product writes.
    private static let rowStep = Int(KERNELS_PRODUCT_ROWS)

    var channels: Int { heads * depth }
    var tiles: Int { (keys + AttentionPlan.tileKeys - 1) / AttentionPlan.tileKeys }
    var blocks: Int { (queries + AttentionPlan.blockQueries - 1) / AttentionPlan.blockQueries }
    /// Rows of a tile of values.
    var valueRows: Int { element.isInteger ? depth + 1 : depth }
    /// Independent tasks: one a block of queries of a head.
    var tasks: Int { images * heads * blocks }

    /// The keys of a tile.
    func keys(of tile: Int) -> Range<Int> {
        tile * AttentionPlan.tileKeys..<min(keys, (tile + 1) * AttentionPlan.tileKeys)
    }

    // Floats of scratch, each part at a multiple of a cache line: what all threads share ...
    var packedKeys: Int { line(bytes: images * heads * keys * element.grouped(depth) * element.bytes) }
    var values: Int { line(bytes: images * heads * valueRows * element.grouped(keys) * element.bytes) }
    var channelScales: Int { element.isInteger ? line(ChannelScales.elements * images * channels) : 0 }
    var valueSums: Int { element == .int8 ? line(images * heads * tiles * valueRows) : 0 }
    // ... and what each has to itself.
    var panel: Int { depth * AttentionPlan.blockQueries }
    var scores: Int { AttentionPlan.tileKeys * AttentionPlan.blockQueries }
    var sums: Int {
        (valueRows + AttentionPlan.rowStep - 1) / AttentionPlan.rowStep * AttentionPlan.rowStep
            * AttentionPlan.blockQueries
    }
    var total: Int { valueRows * AttentionPlan.blockQueries }
    var statistics: Int { 5 * AttentionPlan.blockQueries }
    var packing: Int { depth * AttentionPlan.tileKeys }
    var threadElements: Int { line(max(packing, panel + scores + sums + total + statistics)) }

    /// Floats of scratch for keys and values.
    var sharedElements: Int { packedKeys + values + 2 * channelScales + valueSums }

    private func line(_ count: Int) -> Int { (count + 15) / 16 * 16 }
    private func line(bytes: Int) -> Int { line((bytes + 3) / 4) }
}

/// What attention multiplies.
enum AttentionElement {
    case float32, bfloat16, int16, int8

    /// The fastest for a precision. Causal attention is short and masks its scores as floats.
    init(_ precision: WeightPrecision, causal: Bool, _ kernels: kernels) {
        var element = KERNELS_F32
        switch precision {
        case .fp32: break
        case .bf16: element = kernels_element(rawValue: UInt32(kernels.element_of_bf16))
        case .int8, .int4: element = KERNELS_U8
        }
        switch element {
        case KERNELS_BF16: self = .bfloat16
        case KERNELS_S16 where !causal: self = .int16
        case KERNELS_U8 where !causal: self = .int8
        default: self = .float32
        }
    }

    /// The kernels' name for it.
    var code: Int32 {
        switch self {
        case .float32: Int32(KERNELS_F32.rawValue)
        case .bfloat16: Int32(KERNELS_BF16.rawValue)
        case .int16: Int32(KERNELS_S16.rawValue)
        case .int8: Int32(KERNELS_U8.rawValue)
        }
    }

    var isInteger: Bool { self == .int16 || self == .int8 }
    var bytes: Int { self == .float32 ? 4 : self == .int8 ? 1 : 2 }
    /// Elements that are multiplied and summed at once.
    var group: Int { 4 / bytes }
    /// `count` rounded up to whole groups.
    func grouped(_ count: Int) -> Int { (count + group - 1) / group * group }
}
