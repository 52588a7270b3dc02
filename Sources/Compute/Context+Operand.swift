import CKernels

extension Context {
    /// Floats that are on their way into an operand: a part of the first-level cache.
    private static let tileElements = 4096
    /// Elements that a thread takes at a time.
    private static let chunkElements = 16384

    /// `x` in another form.
    public func operand(_ x: Tensor, _ form: OperandForm) -> Operand { operand([x], form) }

    /// Tensors side by side along their channels, in another form; as floats, nothing is copied.
    public func operand(_ parts: [Tensor], _ form: OperandForm) -> Operand {
        let joined = Operand(floats: parts)
        if form == .fp32 { return joined }
        let result = Operand(joined.shape, form, in: self)
        if form == .bytesByImage { setRanges(of: result, to: parts) }
        fill(result) { rows, target in
            var column = 0
            for part in parts {
                let channels = part.shape.c
                for row in rows {
                    (target + (row - rows.lowerBound) * joined.shape.c + column)
                        .update(from: part.pointer + row * channels, count: channels)
                }
                column += channels
            }
        }
        return result
    }

    /// Fills an operand tile by tile: `produce` writes rows as floats, which become what the form asks for while they are in
    /// the cache. Of bytes by image, the ranges are set.
    func fill(
        _ operand: Operand, produce: (_ rows: Range<Int>, _ target: UnsafeMutablePointer<Float>) -> Void
    ) {
        let shape = operand.shape, tileRows = max(1, Context.tileElements / shape.c)
        let chunks = RowChunks(
            rows: shape.rows, imageRows: shape.pixels,
            chunkRows: min(shape.pixels, max(tileRows, Context.chunkElements / shape.c)))
        let isInPlace = operand.form == .fp32
        withScratch(isInPlace ? 0 : pool.threads * tileRows * shape.c) { scratch in
            let target = operand.rows
            pool.parallelFor(chunks.count) { chunk, thread in
                let rows = chunks[chunk]
                if isInPlace {
                    produce(rows, target.floats(rows.lowerBound))
                    return
                }
                let tile = scratch + thread * tileRows * shape.c
                for first in stride(from: rows.lowerBound, to: rows.upperBound, by: tileRows) {
                    let part = first..<min(rows.upperBound, first + tileRows)
                    produce(part, tile)
                    target.write(part, image: chunks.image(of: chunk), from: tile, kernels)
                }
            }
        }
    }

    /// Takes the range of each image from what its producer collected, or looks for it.
    private func setRanges(of operand: Operand, to parts: [Tensor]) {
        let statistics = parts.map { imageStatistics($0) }
        guard !isMeasuring else { return }
        for image in 0..<operand.shape.n {
            let ranges = statistics.map { $0.range(image: image) }
            operand.rows.setRange(
                at: image, ranges.map(\.least).min() ?? 0, ranges.map(\.most).max() ?? 0, kernels)
        }
    }

    /// The statistics that came with a tensor, or else new ones.
    func statistics(_ x: Tensor) -> ChannelStatistics {
        if let known = x.statistics { return known }
        let statistics = ChannelStatistics(x.shape, chunkRows: max(1, min(512, 65536 / x.shape.c)), in: self)
        if !isMeasuring {
            let source = UnsafePointer(x.pointer), channels = x.shape.c
            pool.parallelFor(statistics.chunks.count) { chunk in
                statistics.collect(
                    chunk: chunk, columns: 0..<channels,
                    from: source + statistics.chunks[chunk].lowerBound * channels, stride: channels, kernels)
            }
        }
        return statistics
    }
}
