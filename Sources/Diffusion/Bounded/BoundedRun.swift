import Compute
import Models

/// One run of an autoencoder's half, pass by pass, within the memory of a plan.
///
/// ```
/// pass:  stored image ─ band ─ [normalize] ─ window ─ convolution ─ band ─► stored image, and its statistics
///                                                        ▲ residual
/// ```
/// A normalization needs the statistics of a whole image, so each ends a pass. What is read for the last time gives its memory back
/// band by band, to what is written.
final class BoundedRun {
    let evaluation: Evaluation
    let plan: BoundedPlan.Parameters
    /// Where scratch files are made; nil where there are none.
    let scratchDirectory: String?
    /// The most memory of all passes so far: the arena's, and the mapped weights of one pass.
    private(set) var peakBytes = 0
    /// Bytes that were written to scratch files so far.
    private(set) var scratchBytes = 0
    private var storedBytes = 0
    private let check: () throws(DiffusionError) -> Void

    /// - Parameter check: is asked after each band whether to go on.
    init(
        _ plan: BoundedPlan.Parameters, scratchDirectory: String?, _ evaluation: Evaluation,
        check: @escaping () throws(DiffusionError) -> Void = { () throws(DiffusionError) in }
    ) {
        self.plan = plan
        self.scratchDirectory = scratchDirectory
        self.evaluation = evaluation
        self.check = check
    }

    var context: Context { evaluation.context }

    /// Rows of a band of an image.
    func bandRows(_ image: Shape) -> Int {
        let alignment = ConvolutionWeight.rowAlignment, rowBytes = image.w * image.c * 4
        return min(image.h, max(1, plan.bandBytes / rowBytes / alignment) * alignment)
    }

    // MARK: - Memory of stores

    /// Whether a store may take so many bytes; then it has them.
    func takeMemory(_ bytes: Int) -> Bool {
        guard storedBytes + bytes <= plan.storeBytes else { return false }
        storedBytes += bytes
        return true
    }

    func returnMemory(_ bytes: Int) { storedBytes -= bytes }

    func noteScratch(_ bytes: Int) { scratchBytes += bytes }

    // MARK: - Passes

    /// An image between two passes.
    struct Image {
        let store: RowStore
        let statistics: ImageStatistics

        /// - Parameter isLast: nobody reads it after this.
        func rows(isLast: Bool) -> StoredRows { store.rows(isLast: isLast) }
    }

    /// Runs a pass and keeps its result.
    ///
    /// - Parameter weights: those of the layers that the pass runs.
    @inline(never)
    func store(_ rows: any RowStream, using weights: [WeightRegion]) throws(DiffusionError) -> Image {
        let image = Image(
            store: RowStore(rows.shape, self), statistics: ImageStatistics(rows.shape, in: context))
        try forEachBand(of: rows, using: weights) { (band, _) throws(DiffusionError) in
            context.add(band, to: image.statistics)
            try image.store.append(band)
        }
        return image
    }

    /// Runs a pass and keeps its result whole, as floats.
    @inline(never)
    func gather(_ rows: any RowStream, using weights: [WeightRegion]) throws(DiffusionError) -> Tensor {
        let result = context.tensor(rows.shape)
        try forEachBand(of: rows, using: weights) { (band, row) throws(DiffusionError) in
            context.copy(band, into: result.rows(row..<row + band.shape.h))
        }
        return result
    }

    /// Runs a pass and hands out its result band by band, with the row where each begins.
    @inline(never)
    func forEachBand(
        of rows: any RowStream, using weights: [WeightRegion],
        _ body: (Tensor, Int) throws(DiffusionError) -> Void
    ) throws(DiffusionError) {
        var row = 0
        while row < rows.shape.h {
            let band = try rows.next()
            if !context.isMeasuring { context.onBlock?() }
            try check()
            if let reason = context.pool.stop?.reason { throw .stopped(reason) }
            try body(band, row)
            row += band.shape.h
        }
        peakBytes = max(peakBytes, context.arena.peakBytes + weights.reduce(0) { $0 + $1.byteCount })
        if !context.isMeasuring { for region in weights { region.discard() } }
    }
}
