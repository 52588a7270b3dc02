import Compute
import Models

extension TinyDecoder {
    /// The picture of latents band by band: `body` is given `[1, rows, W, 3]` and the first row's number.
    ///
    /// Nothing here waits for a whole image: one pass through all layers, which hold a few rows each.
    func callAsFunction(
        _ latents: Tensor, _ run: BoundedRun, _ body: (Tensor, Int) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        let context = run.context
        var weights = [convIn.region]
        var rows: any RowStream = ConvolvedRows(
            WholeImage(squashed(latents, context)), convIn, activation: activation,
            collectsStatistics: convIn.readsRange, run)
        for level in levels {
            for block in level.blocks {
                rows = block.rows(rows, run)
                weights += block.regions
            }
            rows = ConvolvedRows(
                rows, level.conv, isEnlarged: !level.isLast,
                collectsStatistics: !level.isLast && level.conv.readsRange, run)
            weights.append(level.conv.region)
        }
        try run.forEachBand(of: rows, using: weights) { (band, row) throws(DiffusionError) in
            context.scale(band, by: 2, plus: -1)
            try body(band, row)
        }
    }
}

extension TinyBlock {
    var regions: [WeightRegion] { [conv0, conv2, conv4].map(\.region) }

    /// The block as a stream.
    func rows(_ source: any RowStream, _ run: BoundedRun) -> any RowStream {
        let carried = RowQueue(in: run.context)
        let first = ConvolvedRows(
            source, conv0, activation: activation, collectsStatistics: conv2.readsRange, run
        ) { carried.push($0) }
        let second = ConvolvedRows(first, conv2, activation: activation, collectsStatistics: conv4.readsRange, run)
        return ConvolvedRows(
            second, conv4, residual: carried, activation: .relu, collectsStatistics: conv0.readsRange, run)
    }
}
