import CKernels

/// The sums of one unit of a product: some rows of the left side, seen through a window, by one panel of weights.
struct PanelProduct {
    let weight: Panels
    let source: ProductSource
    /// Which pixels a row sees; nil where rows are pixels.
    let window: kernels_window?
    /// A pixel of padding for each image; needed where there is a window.
    let padding: UnsafeRawPointer?
    let kernels: kernels

    /// Rows of a unit: 16 times what a kernel takes, so that a block of a panel is read from far away once for all of them.
    static let chunkRows = 16 * Int(KERNELS_PRODUCT_ROWS)
    /// Floats of scratch that a unit needs: sums of whole kernels' rows.
    static let scratchElements = chunkRows * Panels.columns
    /// Bytes of a panel that a unit passes over at a time: half of a small level-2 cache.
    private static let blockBytes = 256 << 10

    /// Bytes of a pixel of padding, whole cache lines.
    static func paddingBytes(_ weight: Panels) -> Int {
        Arena.rounded(weight.channels * weight.precision.elementBytes)
    }

    /// Computes `sums`, `rows` by the panel's width without gaps, in floats. All rows belong to `image` where the source has scales
    /// by image.
    func multiply(panel: Int, rows: Range<Int>, image: Int, into sums: UnsafeMutablePointer<Float>) {
        precondition(window == nil || source.parts.count == 1, "a window looks at one tensor")
        let width = weight.width(of: panel), step = Int(KERNELS_PRODUCT_ROWS)
        let padding = padding.map { $0 + image * PanelProduct.paddingBytes(weight) }
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: weight.taps * step) { pointers in
            guard let pointers = pointers.baseAddress else { return }
            var element = 0
            for part in source.parts {
                let pixelBytes = part.channels * weight.precision.elementBytes
                let taps = max(1, min(weight.taps, PanelProduct.blockBytes / (pixelBytes * width)))
                for first in stride(from: 0, to: weight.taps, by: taps) {
                    let block = Block(
                        first: first, taps: min(taps, weight.taps - first), channels: part.channels,
                        weights: weight.pointer(panel, from: element), width: width, accumulates: element > 0)
                    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
                        gather(pointers, part.start, padding, pixelBytes, first: row, last: rows.upperBound - 1)
                        multiply(block, pointers, into: sums + (row - rows.lowerBound) * width)
                    }
                    element += block.taps * part.channels
                }
            }
        }
        if weight.precision == .int8 { rescale(sums, panel: panel, rows: rows, image: image) }
    }

    /// Some taps of a panel.
    private struct Block {
        let first: Int, taps: Int, channels: Int
        let weights: UnsafeRawPointer
        let width: Int
        let accumulates: Bool
    }

    private func multiply(
        _ block: Block, _ pointers: UnsafeMutablePointer<UnsafeRawPointer?>, into sums: UnsafeMutablePointer<Float>
    ) {
        let left = UnsafeRawPointer(pointers + block.first * Int(KERNELS_PRODUCT_ROWS))
        let again = Int32(block.accumulates ? 1 : 0)
        switch weight.precision {
        case .fp32:
            kernels.product_f32(
                sums, block.width, left.assumingMemoryBound(to: UnsafePointer<Float>?.self), block.taps, block.channels,
                block.weights.assumingMemoryBound(to: Float.self), block.width, again)
        case .bf16:
            kernels.product_bf16(
                sums, block.width, left.assumingMemoryBound(to: UnsafePointer<UInt16>?.self), block.taps,
                block.channels, block.weights.assumingMemoryBound(to: UInt16.self), block.width, again)
        case .int8, .int4:
            kernels.product_u8(
                UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Int32.self), block.width,
                left.assumingMemoryBound(to: UnsafePointer<UInt8>?.self), block.taps, block.channels,
                block.weights.assumingMemoryBound(to: Int8.self), block.width, again)
        }
    }

    private func gather(
        _ pointers: UnsafeMutablePointer<UnsafeRawPointer?>, _ source: UnsafeRawPointer, _ padding: UnsafeRawPointer?,
        _ pixelBytes: Int, first: Int, last: Int
    ) {
        if var window {
            kernels_gather(pointers, source, padding, pixelBytes, &window, first, last)
        } else {
            kernels_gather(pointers, source, padding, pixelBytes, nil, first, last)
        }
    }

    /// From integers to what they stand for.
    private func rescale(_ sums: UnsafeMutablePointer<Float>, panel: Int, rows: Range<Int>, image: Int) {
        guard let scales = source.scales, let zeros = source.zeros else { return }
        let range = weight.outputs(of: panel), isByRow = source.form == .bytesByRow
        let first = isByRow ? rows.lowerBound : image
        weight.scales.withUnsafeBufferPointer { columnScales in
            weight.sums.withUnsafeBufferPointer { columnSums in
                guard let columnScales = columnScales.baseAddress, let columnSums = columnSums.baseAddress else {
                    return
                }
                kernels.dequantize(
                    sums, UnsafeRawPointer(sums).assumingMemoryBound(to: Int32.self), weight.width(of: panel),
                    rows.count, range.count, scales + first, zeros + first, isByRow ? 1 : 0,
                    columnScales + range.lowerBound, columnSums + range.lowerBound)
            }
        }
    }
}
