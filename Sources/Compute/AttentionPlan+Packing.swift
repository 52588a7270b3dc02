import CKernels

/// Keys and values as the products read them.
extension AttentionPlan {
    /// The largest integers of queries and keys: as words, so that sums over a head's channels fit 32 bits.
    private var wordLevels: Int32 { Int32(min(32767, (Float(Int32.max) / Float(depth)).squareRoot().rounded(.down))) }
    /// Of queries.
    func queryLevels(_ kernels: kernels) -> Int32 { element == .int16 ? wordLevels : min(127, kernels.weight_levels) }
    /// Of weights.
    func weightLevels(_ kernels: kernels) -> Int32 {
        switch element {
        case .float32, .bfloat16: 1
        case .int16: 4096
        case .int8: min(255, 2 * kernels.weight_levels)
        }
    }
    /// Of values: as words, so that sums over a tile's keys fit 32 bits.
    private func valueLevels(_ kernels: kernels) -> Int32 {
        element == .int16
            ? Int32.max / (Int32(AttentionPlan.tileKeys) * weightLevels(kernels)) : kernels.activation_levels
    }

    /// Lays out keys and values, tile by tile.
    func pack(
        _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, into memory: AttentionScratch, _ pool: ThreadPool,
        _ kernels: kernels
    ) {
        if element.isInteger { findScales(k, v, memory, pool, kernels) }
        pack(k, v, tiles: 0..<tiles, into: memory, pool, kernels)
    }

    /// Lays out some tiles of keys and values, whose scales are known. `k` and `v` are where the first key would be.
    func pack(
        _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, tiles: Range<Int>, into memory: AttentionScratch,
        _ pool: ThreadPool, _ kernels: kernels
    ) {
        pool.parallelFor(images * heads * tiles.count) { index, thread in
            let head = index / tiles.count, tile = tiles.lowerBound + index % tiles.count
            let scratch = memory.scratch(thread)
            packKeys(k, head: head, rows: keys(of: tile), memory, scratch, kernels)
            packValues(v, head: head, tile: tile, memory, scratch, kernels)
        }
    }

    /// The scales of one image's keys and values from what was found of all of them.
    func setScales(
        keys found: ImageStatistics, values: ImageStatistics, _ memory: AttentionScratch, _ kernels: kernels
    ) {
        let isSigned = element == .int16
        let keyLevels = isSigned ? wordLevels : kernels.activation_levels
        for channel in 0..<channels {
            memory.keyScales.cover(
                channel, found.range(image: 0, channel: channel), mean: found.mean(image: 0, channel: channel),
                levels: keyLevels, isSigned: isSigned)
            memory.valueScales.cover(
                channel, values.range(image: 0, channel: channel), mean: values.mean(image: 0, channel: channel),
                levels: valueLevels(kernels), isSigned: isSigned)
        }
    }

    /// The scales of 64 channels at a time, of keys and of values.
    private func findScales(
        _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, _ memory: AttentionScratch, _ pool: ThreadPool,
        _ kernels: kernels
    ) {
        let parts = (channels + 63) / 64, isSigned = element == .int16
        pool.parallelFor(2 * images * parts) { index in
            let isValue = index % 2 == 1, image = index / 2 / parts, first = index / 2 % parts * 64
            let source = (isValue ? v : k) + image * keys * channels + first
            let start = image * channels + first
            let levels =
                isValue ? valueLevels(kernels) : element == .int16 ? wordLevels : kernels.activation_levels
            (isValue ? memory.valueScales : memory.keyScales).cover(
                start..<start + min(64, channels - first), of: source, stride: channels, rows: keys, levels: levels,
                isSigned: isSigned, kernels)
        }
    }

    /// Some rows of a head's keys, contiguous: read for every block of queries, they come from far away.
    private func packKeys(
        _ k: UnsafePointer<Float>, head: Int, rows: Range<Int>, _ memory: AttentionScratch,
        _ scratch: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let channel = head / heads * channels + head % heads * depth, width = element.grouped(depth)
        for row in rows {
            let source = k + (head / heads * keys + row) * channels + head % heads * depth
            let line = keysStart(memory, head: head, key: row)
            switch element {
            case .float32: line.assumingMemoryBound(to: Float.self).update(from: source, count: depth)
            case .bfloat16: kernels.f32_to_bf16(line.assumingMemoryBound(to: UInt16.self), source, depth)
            case .int16, .int8:
                kernels.scale_shift(
                    scratch, source, 1, depth, memory.keyScales.factor + channel, memory.keyScales.shift + channel,
                    Int32(KERNELS_NONE.rawValue))
                narrow(scratch, depth, factor: 1, shift: 0, into: line, kernels)
            }
            pad(line, from: depth, to: width)
        }
    }

    /// One tile of a head's values.
    private func packValues(
        _ v: UnsafePointer<Float>, head: Int, tile: Int, _ memory: AttentionScratch,
        _ scratch: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let range = keys(of: tile), count = range.count, width = element.grouped(count)
        let source = v + (head / heads * keys + range.lowerBound) * channels + head % heads * depth
        let target = valuesStart(memory, head: head, tile: tile)
        if element == .float32 {
            kernels.transpose(target.assumingMemoryBound(to: Float.self), count, source, channels, count, depth)
            return
        }
        kernels.transpose(scratch, count, source, channels, count, depth)
        let scales = memory.valueScales, first = head / heads * channels + head % heads * depth
        let sums = valueSumsStart(memory, head: head, tile: tile)
        for row in 0..<depth {
            let line = target + row * width * element.bytes
            guard element.isInteger else {
                kernels.f32_to_bf16(line.assumingMemoryBound(to: UInt16.self), scratch + row * count, count)
                pad(line, from: count, to: width)
                continue
            }
            narrow(
                scratch + row * count, count, factor: scales.factor[first + row], shift: scales.shift[first + row],
                into: line, kernels)
            pad(line, from: count, to: width)
            if element == .int8 { sums[row] = sum(line.assumingMemoryBound(to: UInt8.self), count) }
        }
        if element.isInteger {
            let ones = target + depth * width * element.bytes
            narrow(scratch, count, factor: 0, shift: 1, into: ones, kernels)
            pad(ones, from: count, to: width)
            if element == .int8 { sums[depth] = Int32(count) }
        }
    }

    /// Where a key begins.
    func keysStart(_ memory: AttentionScratch, head: Int, key: Int) -> UnsafeMutableRawPointer {
        memory.keys + (head * keys + key) * element.grouped(depth) * element.bytes
    }

    /// Where a tile of values begins.
    func valuesStart(_ memory: AttentionScratch, head: Int, tile: Int) -> UnsafeMutableRawPointer {
        let before = head * element.grouped(keys) + tile * AttentionPlan.tileKeys
        return memory.values + before * valueRows * element.bytes
    }

    /// Where the sums of its rows begin.
    func valueSumsStart(_ memory: AttentionScratch, head: Int, tile: Int) -> UnsafeMutablePointer<Int32> {
        memory.valueSums + (head * tiles + tile) * valueRows
    }

    /// Integers, which by their scales fit their levels up to rounding.
    private func narrow(
        _ source: UnsafePointer<Float>, _ count: Int, factor: Float, shift: Float, into target: UnsafeMutableRawPointer,
        _ kernels: kernels
    ) {
        if element == .int16 {
            kernels.quantize_s16(
                target.assumingMemoryBound(to: Int16.self), source, count, factor, shift, 32767)
        } else {
            kernels.quantize(
                target.assumingMemoryBound(to: UInt8.self), source, count, factor, shift, kernels.activation_levels)
        }
    }

    private func pad(_ line: UnsafeMutableRawPointer, from count: Int, to width: Int) {
        (line + count * element.bytes).initializeMemory(
            as: UInt8.self, repeating: 0, count: (width - count) * element.bytes)
    }

    private func sum(_ line: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
        var sum: Int32 = 0
        for index in 0..<count { sum &+= Int32(line[index]) }
        return sum
    }
}
