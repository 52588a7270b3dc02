import CKernels

extension Context {
    /// A 3x3 convolution of stride 1 with Winograd's filters, and its epilogue, into `result`, whose statistics are collected if it
    /// has any.
    func multiplyTiles(
        _ x: Operand, _ panels: Panels, _ winograd: Winograd, window: kernels_window, into result: Tensor,
        epilogue: () -> Epilogue
    ) {
        let channels = result.shape.c, tiles = WinogradTiles(result.shape, side: winograd.side)
        let product = WinogradProduct(panels, winograd, tiles, threads: pool.threads)
        withScratch(product.scratchElements(threads: pool.threads)) { scratch in
            let epilogue = epilogue(), target = result.pointer
            product.run(x.tensor.pointer, window: window, scratch: scratch, pool: pool, kernels) {
                sums, rows in
                epilogue.finish(target, from: sums, rows: rows)
                result.statistics?.collect(
                    chunk: tiles.chunk(of: rows), columns: sums.columns,
                    from: target + rows.lowerBound * channels + sums.columns.lowerBound, stride: channels, kernels)
            }
        }
    }
}
