import CKernels

/// Winograd's F(4x4, 3x3) or F(6x6, 3x3): the size of a tile, and the transforms.
enum Winograd: Int {
    case four = 4
    case six = 6

    /// Below, the transforms cost more than the products.
    private static let leastInputs = 16

    /// What suits 3x3 filters of a stride of 1: nil where they are better multiplied as they are.
    ///
    /// Transformed filters take 4 times the memory of direct ones in tiles of 4, 7 times in tiles of 6: where filters are many, images
    /// are small, and little is won. Tiles of 6 are a sixth faster where transforms weigh as much as products, and their errors are
    /// larger, too large for weights of 16 bits. Sums of bytes are faster as they are.
    init?(_ precision: WeightPrecision, outputs: Int, inputs: Int) {
        guard inputs >= Winograd.leastInputs else { return nil }
        let filters = outputs * inputs
        switch precision {
        case .fp32 where filters <= 128 * 128: self = .six
        case .fp32, .bf16:
            guard filters <= 640 * 640 else { return nil }
            self = .four
        case .int8, .int4: return nil
        }
    }

    /// Rows and columns of a tile of the result.
    var side: Int { rawValue }
    /// Products that make a tile.
    var products: Int { (side + 2) * (side + 2) }

    /// `count` filters, `[9, count]`, as elements of the products, `step` floats apart.
    func filter(
        _ target: UnsafeMutablePointer<Float>, step: Int, _ filters: UnsafePointer<Float>, count: Int,
        _ kernels: kernels
    ) {
        switch self {
        case .four: kernels.winograd4_filter(target, step, filters, count)
        case .six: kernels.winograd6_filter(target, step, filters, count)
        }
    }

    /// What the tiles of a range see, as elements of the products.
    func scatter(
        _ target: UnsafeMutablePointer<Float>, step: Int, _ input: UnsafePointer<Float>,
        _ padding: UnsafePointer<Float>, _ window: kernels_window, tiles: Range<Int>, _ kernels: kernels
    ) {
        withUnsafePointer(to: window) {
            switch self {
            case .four: kernels.winograd4_scatter(target, step, input, padding, $0, tiles.lowerBound, tiles.count)
            case .six: kernels.winograd6_scatter(target, step, input, padding, $0, tiles.lowerBound, tiles.count)
            }
        }
    }

    /// Pixels of the result from the sums of the products.
    func gather(
        _ target: UnsafeMutablePointer<Float>, stride: Int, _ sums: UnsafePointer<Float>, tiles: Int, columns: Int,
        _ kernels: kernels
    ) {
        switch self {
        case .four: kernels.winograd4_gather(target, stride, sums, tiles, columns)
        case .six: kernels.winograd6_gather(target, stride, sums, tiles, columns)
        }
    }
}
