import Compute

extension TinyEncoder {
    /// The latents of an image of which `fill` writes some rows at a time, `[1, h, w, C]`: one pass through all layers.
    func callAsFunction(
        _ image: Shape, _ run: BoundedRun, _ fill: @escaping (Range<Int>, Tensor) -> Void
    ) throws(DiffusionError) -> Tensor {
        let context = run.context
        var rows: any RowStream = MadeRows(image, run) { rows, band in
            fill(rows, band)
            toUnit(band, context)
        }
        var weights = [convOut.region]
        for level in levels {
            rows = ConvolvedRows(rows, level.conv, collectsStatistics: level.conv.readsRange, run)
            weights.append(level.conv.region)
            for block in level.blocks {
                rows = block.rows(rows, run)
                weights += block.regions
            }
        }
        return try run.gather(ConvolvedRows(rows, convOut, collectsStatistics: false, run), using: weights)
    }
}
