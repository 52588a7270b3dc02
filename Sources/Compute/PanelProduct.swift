import CKernels

/// A product with panels of weights: `[rows, taps * channels]` seen through a window, times `weight`, and its epilogue.
///
/// The work is cut into units of one panel and one chunk of rows. A unit's sums stay in a thread's scratch, in the cache, until
/// its epilogue writes the result: once, however deep the product. The cut follows from the shapes alone.
struct PanelProduct {
    let weight: Panels
    /// Rows of the result.
    let rows: Int
    /// Pixels of the input, of `weight.channels` elements each.
    let pixels: Int

    /// Rows of a chunk: 16 times what a kernel takes, so that a block of a panel is read from far away once for all of them.
    private static let chunkRows = 16 * Int(KERNELS_PRODUCT_ROWS)
    /// Bytes of a panel that a chunk passes over at a time: half of a small level-2 cache.
    private static let blockBytes = 512 << 10

    private var chunks: Int { (rows + PanelProduct.chunkRows - 1) / PanelProduct.chunkRows }

    /// True where each row is one pixel, so that its quantization can be its own.
    var hasOwnScales: Bool { weight.taps == 1 && pixels == rows }
    /// Independent quantizations of the input.
    private var scaleCount: Int { hasOwnScales ? rows : 1 }

    // Scratch, in floats: sums of each thread; the input in the weight's precision; a row of padding; scale and zero point.
    private var sumElements: Int { PanelProduct.chunkRows * Panels.columns }
    private var inputElements: Int {
        weight.precision == .fp32 ? 0 : (pixels * weight.channels * weight.precision.elementBytes + 63) / 64 * 16
    }
    private var paddingElements: Int { (weight.channels * weight.precision.elementBytes + 63) / 64 * 16 }

    /// Floats of scratch that a product on `threads` threads needs.
    func scratchElements(threads: Int) -> Int {
        threads * sumElements + inputElements + paddingElements + 2 * (scaleCount + 15) / 16 * 16
    }

    /// Computes the product. `window` is nil where rows are pixels.
    func run(
        _ input: UnsafePointer<Float>, window: kernels_window?, into result: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>, epilogue: Epilogue, pool: ThreadPool, _ kernels: kernels
    ) {
        let narrow = UnsafeMutableRawPointer(scratch + pool.threads * sumElements)
        let padding = narrow + inputElements * 4
        let scales = Scales(start: padding + paddingElements * 4, count: scaleCount)
        prepare(input, narrow: narrow, padding: padding, scales, pool, kernels)
        let source = weight.precision == .fp32 ? UnsafeRawPointer(input) : UnsafeRawPointer(narrow)
        let chunks = chunks, outermost = rows * weight.channels > weight.outputs * weight.depth
        pool.parallelFor(chunks * weight.count) { index, thread in
            // The larger operand is read once: its pieces change slowest.
            let (panel, chunk) =
                outermost ? (index % weight.count, index / weight.count) : (index / chunks, index % chunks)
            let range = chunk * PanelProduct.chunkRows..<min(rows, (chunk + 1) * PanelProduct.chunkRows)
            let sums = scratch + thread * sumElements
            multiply(source, UnsafeRawPointer(padding), window, panel: panel, rows: range, sums: sums, kernels)
            if weight.precision == .int8 {
                rescale(sums, panel: panel, rows: range, scales, kernels)
            }
            epilogue.finish(
                result, from: sums, stride: weight.width(of: panel), rows: range, columns: weight.outputs(of: panel))
        }
    }

    /// The sums of one unit: `rows` by the panel's width, in floats or, for int8, in integers.
    private func multiply(
        _ source: UnsafeRawPointer, _ padding: UnsafeRawPointer, _ window: kernels_window?, panel: Int,
        rows: Range<Int>, sums: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let width = weight.width(of: panel), step = Int(KERNELS_PRODUCT_ROWS)
        let pixelBytes = weight.channels * weight.precision.elementBytes
        let tapBytes = pixelBytes * width
        let taps = max(1, min(weight.taps, PanelProduct.blockBytes / tapBytes))
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: weight.taps * step) { pointers in
            guard let pointers = pointers.baseAddress else { return }
            for first in stride(from: 0, to: weight.taps, by: taps) {
                let count = min(taps, weight.taps - first)
                let right = weight.pointer(panel, from: first * weight.channels)
                for row in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
                    gather(pointers, source, padding, pixelBytes, window, first: row, last: rows.upperBound - 1)
                    let left = UnsafeRawPointer(pointers + first * step)
                    let target = sums + (row - rows.lowerBound) * width
                    let (channels, again) = (weight.channels, Int32(first > 0 ? 1 : 0))
                    switch weight.precision {
                    case .fp32:
                        kernels.product_f32(
                            target, width, left.assumingMemoryBound(to: UnsafePointer<Float>?.self), count, channels,
                            right.assumingMemoryBound(to: Float.self), width, again)
                    case .bf16:
                        kernels.product_bf16(
                            target, width, left.assumingMemoryBound(to: UnsafePointer<UInt16>?.self), count, channels,
                            right.assumingMemoryBound(to: UInt16.self), width, again)
                    case .int8, .int4:
                        kernels.product_u8(
                            UnsafeMutableRawPointer(target).assumingMemoryBound(to: Int32.self), width,
                            left.assumingMemoryBound(to: UnsafePointer<UInt8>?.self), count, channels,
                            right.assumingMemoryBound(to: Int8.self), width, again)
                    }
                }
            }
        }
    }

    private func gather(
        _ pointers: UnsafeMutablePointer<UnsafeRawPointer?>, _ source: UnsafeRawPointer, _ padding: UnsafeRawPointer,
        _ pixelBytes: Int, _ window: kernels_window?, first: Int, last: Int
    ) {
        if var window {
            kernels_gather(pointers, source, padding, pixelBytes, &window, first, last)
        } else {
            kernels_gather(pointers, source, padding, pixelBytes, nil, first, last)
        }
    }

    private func rescale(
        _ sums: UnsafeMutablePointer<Float>, panel: Int, rows: Range<Int>, _ scales: Scales, _ kernels: kernels
    ) {
        let range = weight.outputs(of: panel), first = hasOwnScales ? rows.lowerBound : 0
        weight.scales.withUnsafeBufferPointer { columnScales in
            weight.sums.withUnsafeBufferPointer { columnSums in
                guard let columnScales = columnScales.baseAddress, let columnSums = columnSums.baseAddress else {
                    return
                }
                kernels.dequantize(
                    sums, UnsafeRawPointer(sums).assumingMemoryBound(to: Int32.self), weight.width(of: panel),
                    rows.count,
                    range.count, scales.scale + first, scales.zero + first, hasOwnScales ? 1 : 0,
                    columnScales + range.lowerBound, columnSums + range.lowerBound)
            }
        }
    }
}
