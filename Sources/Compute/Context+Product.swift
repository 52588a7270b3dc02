import CKernels

extension Context {
    /// A product with panels of weights, cut into units of one panel and one chunk of rows. A unit's sums stay in a thread's
    /// scratch, in the cache, until `finish` writes the result from them: once, however deep the product.
    ///
    /// - Parameters:
    ///   - some: of the panels; nil multiplies by all.
    ///   - window: nil where rows are pixels.
    ///   - chunks: of the result's rows, at most `PanelProduct.chunkRows` each; whole images where the operand has scales by
    ///     image.
    ///   - imageChunks: chunks of an image, where a chunk's rows are a part of one line of it.
    ///   - finish: is called for each unit, on any thread.
    func multiply(
        _ x: Operand, _ panels: Panels, only some: Range<Int>? = nil, window: kernels_window?, chunks: RowChunks,
        imageChunks: Int? = nil, finish: (_ sums: ProductSums, _ chunk: Int) -> Void
    ) {
        let sumElements = PanelProduct.scratchElements(panels)
        let paddingBytes = window == nil ? 0 : PanelProduct.paddingBytes(panels)
        withScratch(pool.threads * sumElements + x.shape.n * paddingBytes / 4) { scratch in
            let padding = UnsafeMutableRawPointer(scratch + pool.threads * sumElements)
            let product = PanelProduct(
                weight: panels, source: x.source, window: window, padding: UnsafeRawPointer(padding), kernels: kernels)
            if window != nil {
                for image in 0..<x.shape.n {
                    product.source.fillPadding(
                        padding + image * paddingBytes, byteCount: paddingBytes, image: image)
                }
            }
            // The larger operand is read once: its pieces change slowest.
            let isLeftLarger = chunks.rows * panels.channels > panels.outputs * panels.depth
            let some = some ?? 0..<panels.count
            pool.parallelFor(chunks.count * some.count) { index, thread in
                let (panel, chunk) =
                    isLeftLarger
                    ? (index % some.count, index / some.count) : (index / chunks.count, index % chunks.count)
                let sums = product.multiply(
                    panel: some.lowerBound + panel, rows: chunks[chunk],
                    image: imageChunks.map { chunk / $0 } ?? chunks.image(of: chunk),
                    scratch: scratch + thread * sumElements)
                finish(sums, chunk)
            }
        }
    }

    /// A product with panels and its epilogue, into `result`, whose statistics are collected if it has any.
    func multiply(
        _ x: Operand, _ panels: Panels, window: kernels_window?, into result: Tensor, epilogue: () -> Epilogue
    ) {
        let shape = result.shape, separatesImages = x.form == .bytesByImage
        let chunks =
            result.statistics?.chunks
            ?? RowChunks(
                rows: shape.rows, imageRows: separatesImages ? shape.pixels : shape.rows,
                chunkRows: PanelProduct.chunkRows)
        let epilogue = isMeasuring ? nil : epilogue()
        multiply(x, panels, window: window, chunks: chunks) { sums, chunk in
            let rows = chunks[chunk], target = result.pointer
            epilogue?.finish(target, from: sums, rows: rows)
            result.statistics?.collect(
                chunk: chunk, columns: sums.columns,
                from: target + rows.lowerBound * shape.c + sums.columns.lowerBound, stride: shape.c, kernels)
        }
    }

    /// The result of a product, with room for its statistics if they are wanted.
    ///
    /// - Parameter chunks: that the product makes; nil: those of `multiply`.
    func result(_ shape: Shape, withStatistics: Bool, chunks: RowChunks? = nil) -> Tensor {
        var result = tensor(shape)
        if withStatistics {
            result.statistics =
                chunks.map { ChannelStatistics(shape, $0, in: self) }
                ?? ChannelStatistics(shape, chunkRows: PanelProduct.chunkRows, in: self)
        }
        return result
    }
}
