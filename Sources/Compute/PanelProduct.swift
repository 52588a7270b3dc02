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
    /// Sums of whole kernels' rows, in floats.
    private static let sumElements = chunkRows * PanelLayout.columns

    /// Floats of scratch that a unit needs: its sums, and a block of decoded weights of 4 bits.
    static func scratchElements(_ weight: Panels) -> Int {
        guard weight.precision == .int4 else { return sumElements }
        // A block may begin and end within a group.
        let block = max(blockBytes, weight.channels * PanelLayout.columns)
        return sumElements + (block + 2 * Quantizer.groupSize * PanelLayout.columns) / 4
    }
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
        let decoded = UnsafeMutableRawPointer(sums + PanelProduct.sumElements).assumingMemoryBound(to: Int8.self)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: weight.taps * step) { pointers in
            guard let pointers = pointers.baseAddress else { return }
            var element = 0
            for part in source.parts {
                let pixelBytes = part.channels * weight.precision.elementBytes
                let taps = max(1, min(weight.taps, PanelProduct.blockBytes / (pixelBytes * width)))
                for first in stride(from: 0, to: weight.taps, by: taps) {
                    let count = min(taps, weight.taps - first)
                    let block = Block(
                        first: first, taps: count, channels: part.channels,
                        weights: weights(panel, element..<element + count * part.channels, decoded: decoded), width: width,
                        accumulates: element > 0)
                    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
                        gather(pointers, part.start, padding, pixelBytes, first: row, last: rows.upperBound - 1)
                        multiply(block, pointers, into: sums + (row - rows.lowerBound) * width)
                    }
                    element += block.taps * part.channels
                }
            }
        }
        if weight.precision.arithmetic == .int8 { rescale(sums, panel: panel, rows: rows, image: image) }
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

    /// Some elements of a panel's rows as they are multiplied: in place, or decoded.
    private func weights(
        _ panel: Int, _ elements: Range<Int>, decoded: UnsafeMutablePointer<Int8>
    ) -> UnsafeRawPointer {
        guard weight.precision == .int4 else { return weight.pointer(panel, from: elements.lowerBound) }
        let size = Quantizer.groupSize, first = elements.lowerBound / size * size
        let count = (elements.upperBound + size - 1) / size * size - first
        weight.decode(panel, from: first, count: count, into: decoded, kernels)
        return UnsafeRawPointer(decoded + (elements.lowerBound - first) * weight.width(of: panel))
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
        kernels.dequantize(
            sums, UnsafeRawPointer(sums).assumingMemoryBound(to: Int32.self), weight.width(of: panel), rows.count,
            range.count, scales + first, zeros + first, isByRow ? 1 : 0, weight.scales + range.lowerBound,
            weight.sums + range.lowerBound)
    }
}
