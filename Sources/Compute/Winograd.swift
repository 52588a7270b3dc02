import CKernels

/// Winograd's F(4x4, 3x3): which filters are worth it.
enum Winograd {
    /// Rows and columns of a tile of the result.
    static let side = Int(KERNELS_WINOGRAD_TILE)
    /// Products that make a tile.
    static let products = Int(KERNELS_WINOGRAD_PRODUCTS)
    /// Below, the transforms cost more than the products.
    private static let leastInputs = 16

    /// True for 3x3 filters that are faster so, and worth the memory: four times that of the direct ones. Where filters are many,
    /// images are small, and little is won. Sums of bytes are faster as they are.
    static func suits(_ precision: WeightPrecision, outputs: Int, inputs: Int) -> Bool {
        guard inputs >= leastInputs else { return false }
        return switch precision {
        case .fp32: outputs * inputs <= 640 * 640
        case .bf16: outputs * inputs <= 512 * 512
        case .int8, .int4: false
        }
    }
}
