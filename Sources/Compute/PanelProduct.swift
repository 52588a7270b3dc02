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
        // Blocks are rounded to groups, and may begin and end within one.
        return sumElements + (blockBytes + 4 * Quantizer.groupSize * PanelLayout.columns) / 4
    }
    /// Bytes of a panel that a unit passes over at a time: half of a small level-2 cache.
    private static let blockBytes = 256 << 10

    /// Bytes of a pixel of padding, whole cache lines.
    static func paddingBytes(_ weight: Panels) -> Int {
        Arena.rounded(weight.channels * weight.precision.elementBytes)
    }

    /// Computes the sums of `rows` by the panel's width in `scratch`. All rows belong to `image` where the source has scales by
    /// image.
    func multiply(panel: Int, rows: Range<Int>, image: Int, scratch: UnsafeMutablePointer<Float>) -> ProductSums {
        precondition(window == nil || source.parts.count == 1, "a window looks at one tensor")
        let width = weight.width(of: panel), step = Int(KERNELS_PRODUCT_ROWS)
        let padding = padding.map { $0 + image * PanelProduct.paddingBytes(weight) }
        let decoded = UnsafeMutableRawPointer(scratch + PanelProduct.sumElements).assumingMemoryBound(to: Int8.self)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: weight.taps * step) { pointers in
            guard let pointers = pointers.baseAddress else { return }
            for block in blocks(panel) {
                let weights = weights(panel, block, decoded: decoded)
                let skipped = block.channels.lowerBound * weight.precision.arithmetic.elementBytes
                for row in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
                    gather(
                        pointers, source.parts[block.part].start + skipped, padding.map { $0 + skipped },
                        block.pixelBytes, first: row, last: rows.upperBound - 1)
                    multiply(block, weights, width, pointers, into: scratch + (row - rows.lowerBound) * width)
                }
            }
        }
        return ProductSums(
            start: scratch, stride: width, columns: weight.outputs(of: panel),
            scales: scales(panel: panel, firstRow: rows.lowerBound, image: image))
    }

    /// A part of a panel that stays in the cache while all rows pass over it: some taps, or some channels of one tap.
    private struct Block {
        /// Of the source.
        let part: Int
        let pixelBytes: Int
        let taps: Range<Int>
        let channels: Range<Int>
        /// Where it begins in the panel's rows.
        let element: Int
    }

    private func blocks(_ panel: Int) -> [Block] {
        let elementBytes = weight.precision.arithmetic.elementBytes
        let room = PanelProduct.blockBytes / (elementBytes * weight.width(of: panel))
        var blocks: [Block] = [], element = 0
        for (part, channels) in source.parts.map(\.channels).enumerated() {
            let taps = max(1, min(weight.taps, room / channels))
            // Half a tap or less would not be worth a block: the pieces are equal, in whole groups of every precision.
            let pieces = (channels + room - 1) / room, size = ((channels + pieces - 1) / pieces + 31) / 32 * 32
            for tap in stride(from: 0, to: weight.taps, by: taps) {
                for first in stride(from: 0, to: channels, by: pieces > 1 ? size : channels) {
                    let range = first..<(pieces > 1 ? min(channels, first + size) : channels)
                    let some = tap..<min(weight.taps, tap + taps)
                    blocks.append(
                        Block(
                            part: part, pixelBytes: channels * elementBytes, taps: some, channels: range,
                            element: element))
                    element += some.count * range.count
                }
            }
        }
        return blocks
    }

    private func multiply(
        _ block: Block, _ weights: UnsafeRawPointer, _ width: Int,
        _ pointers: UnsafeMutablePointer<UnsafeRawPointer?>, into sums: UnsafeMutablePointer<Float>
    ) {
        let left = UnsafeRawPointer(pointers + block.taps.lowerBound * Int(KERNELS_PRODUCT_ROWS))
        let again = Int32(block.element > 0 ? 1 : 0)
        switch weight.precision {
        case .fp32:
            kernels.product_f32(
                sums, width, left.assumingMemoryBound(to: UnsafePointer<Float>?.self), block.taps.count,
                block.channels.count,
                weights.assumingMemoryBound(to: Float.self), width, again)
        case .bf16:
            kernels.product_bf16(
                sums, width, left.assumingMemoryBound(to: UnsafePointer<UInt16>?.self), block.taps.count,
                block.channels.count, weights.assumingMemoryBound(to: UInt16.self), width, again)
        case .int8, .int4:
            kernels.product_u8(
                UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Int32.self), width,
                left.assumingMemoryBound(to: UnsafePointer<UInt8>?.self), block.taps.count, block.channels.count,
                weights.assumingMemoryBound(to: Int8.self), width, again)
        }
    }

    /// A block's weights as they are multiplied: in place, or decoded.
    private func weights(
        _ panel: Int, _ block: Block, decoded: UnsafeMutablePointer<Int8>
    ) -> UnsafeRawPointer {
        guard weight.precision == .int4 else { return weight.pointer(panel, from: block.element) }
        // Parts of the source may meet within a group.
        let size = Quantizer.groupSize, first = block.element / size * size
        let last = block.element + block.taps.count * block.channels.count
        weight.decode(panel, from: first, count: (last - first + size - 1) / size * size, into: decoded, kernels)
        return UnsafeRawPointer(decoded + (block.element - first) * weight.width(of: panel))
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

    /// What a panel's sums stand for, where they are integers.
    private func scales(panel: Int, firstRow: Int, image: Int) -> kernels_scales? {
        guard let scales = source.scales, let zeros = source.zeros else { return nil }
        let isByRow = source.form == .bytesByRow, first = isByRow ? firstRow : image
        let column = weight.outputs(of: panel).lowerBound
        return kernels_scales(
            scale: scales + first, zero: zeros + first, step: isByRow ? 1 : 0, column_scale: weight.scales + column,
            column_sum: weight.sums + column)
    }
}
