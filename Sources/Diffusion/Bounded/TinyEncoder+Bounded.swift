import Compute

extension TinyEncoder {
    /// The latents of an image that comes in rows from 0 to 1, `[1, h, w, C]`: one pass through all layers.
    func callAsFunction(_ image: any RowStream, _ run: BoundedRun) throws(DiffusionError) -> Tensor {
        var rows = image
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
