import CKernels

/// A block of queries over all tiles of keys.
extension AttentionPlan {
    /// The score of a key that a query must not see: far below every other, and finite, so that differences are.
    private static let hidden: Float = -0x1p126
    private static let binaryLogarithmOfE: Float = 1.442695041

    /// A thread's scratch.
    private struct Block {
        let panel, scores, sums, total, maximum, sum, tileMaximum, tileSum, factor: UnsafeMutablePointer<Float>

        init(_ plan: AttentionPlan, start: UnsafeMutablePointer<Float>) {
            panel = start
            scores = panel + plan.panel
            sums = scores + plan.scores
            total = sums + plan.sums
            maximum = total + plan.total
            sum = maximum + AttentionPlan.blockQueries
            tileMaximum = sum + AttentionPlan.blockQueries
            tileSum = tileMaximum + AttentionPlan.blockQueries
            factor = tileSum + AttentionPlan.blockQueries
        }
    }

    /// The head, counted over all images, and the first query of a task. The keys of one head stay in a cache for all its blocks; a
    /// single tile of all heads does so too, and then queries come as they lie in memory.
    private func task(_ index: Int) -> (head: Int, first: Int) {
        let (head, block) =
            tiles > 1
            ? (index / blocks, index % blocks)
            : (index / (blocks * heads) * heads + index % heads, index / heads % blocks)
        return (head, block * AttentionPlan.blockQueries)
    }

    /// Computes one block of queries of one head.
    func attend(
        _ q: UnsafePointer<Float>, _ memory: AttentionScratch, into result: UnsafeMutablePointer<Float>, index: Int,
        thread: Int, _ kernels: kernels
    ) {
        let (head, first) = task(index)
        let count = min(AttentionPlan.blockQueries, queries - first)
        let unit = Int(KERNELS_PANEL_UNIT), columns = (count + unit - 1) / unit * unit
        let start = (head / heads * queries + first) * channels + head % heads * depth
        let channel = head / heads * channels + head % heads * depth
        let block = Block(self, start: memory.scratch(thread))
        kernels.transpose(block.panel, columns, q + start, channels, count, depth)
        fill(block, columns: columns, channel: channel, memory, kernels)
        let last = causal ? first + count : keys, one = weightLevels(kernels)
        for tile in 0..<tiles where tile * AttentionPlan.tileKeys < last {
            let width = keys(of: tile).count, seen = keys(of: tile).lowerBound..<min(keys(of: tile).upperBound, last)
            product(
                keysStart(memory, head: head, key: seen.lowerBound), bytes: element.grouped(depth) * element.bytes,
                rows: seen.count, depth: element.grouped(depth), block.panel, columns, into: block.scores, kernels)
            if causal { hide(seen, of: block.scores, first: first, columns: columns) }
            kernels.softmax_tile(
                block.scores, seen.count, columns, block.factor, block.tileMaximum, block.tileSum, one, element.code)
            product(
                valuesStart(memory, head: head, tile: tile), bytes: element.grouped(width) * element.bytes,
                rows: valueRows, depth: element.grouped(seen.count), block.scores, columns, into: block.sums, kernels)
            kernels.merge_tile(
                block.total, block.maximum, block.sum, block.sums, block.tileMaximum, block.tileSum, valueRows, columns,
                block.factor, valueSumsStart(memory, head: head, tile: tile), (one + 1) / 2, element.code)
        }
        let scales = element.isInteger ? memory.valueScales : nil
        kernels.finish_tile(
            block.total, block.sum, depth, columns, scales.map { $0.scale + channel },
            scales.map { $0.origin + channel },
            scales.map { $0.mean + channel })
        kernels.transpose(result + start, channels, block.total, columns, depth, count)
    }

    /// The queries in the plan's element, what a score is multiplied by, and an empty softmax.
    private func fill(_ block: Block, columns: Int, channel: Int, _ memory: AttentionScratch, _ kernels: kernels) {
        block.factor.update(repeating: 1, count: columns)
        if element != .float32 {
            let rowScale = element.isInteger ? memory.keyScales.scale + channel : nil
            kernels.pack_columns(
                block.panel, depth, columns, rowScale, block.factor, queryLevels(kernels), element.code)
        }
        for column in 0..<columns { block.factor[column] *= scale * AttentionPlan.binaryLogarithmOfE }
        block.maximum.update(repeating: -.infinity, count: columns)
        block.sum.update(repeating: 0, count: columns)
        block.total.update(repeating: 0, count: valueRows * columns)
    }

    /// Hides from each query the keys behind its own token.
    private func hide(_ seen: Range<Int>, of scores: UnsafeMutablePointer<Float>, first: Int, columns: Int) {
        for key in seen where key > first {
            (scores + (key - seen.lowerBound) * columns).update(
                repeating: AttentionPlan.hidden, count: min(columns, key - first))
        }
    }

    /// The product of rows that lie `bytes` apart and a panel: `rows` x `columns`, and some rows behind the last.
    private func product(
        _ source: UnsafeRawPointer, bytes: Int, rows: Int, depth: Int, _ panel: UnsafeRawPointer, _ columns: Int,
        into target: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let step = Int(KERNELS_PRODUCT_ROWS)
        withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: step) { pointers in
            guard let pointers = pointers.baseAddress else { return }
            for row in stride(from: 0, to: rows, by: step) {
                kernels_gather(pointers, source, nil, bytes, nil, row, rows - 1)
                let left = UnsafeRawPointer(pointers), sums = target + row * columns
                let integers = UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Int32.self)
                switch element {
                case .float32:
                    kernels.product_f32(
                        sums, columns, left.assumingMemoryBound(to: UnsafePointer<Float>?.self), 1, depth,
                        panel.assumingMemoryBound(to: Float.self), columns, 0)
                case .bfloat16:
                    kernels.product_bf16(
                        sums, columns, left.assumingMemoryBound(to: UnsafePointer<UInt16>?.self), 1, depth,
                        panel.assumingMemoryBound(to: UInt16.self), columns, 0)
                case .int16:
                    kernels.product_s16(
                        integers, columns, left.assumingMemoryBound(to: UnsafePointer<Int16>?.self), 1, depth,
                        panel.assumingMemoryBound(to: Int16.self), columns, 0)
                case .int8:
                    kernels.product_u8(
                        integers, columns, left.assumingMemoryBound(to: UnsafePointer<UInt8>?.self), 1, depth,
                        panel.assumingMemoryBound(to: Int8.self), columns, 0)
                }
            }
        }
    }
}
