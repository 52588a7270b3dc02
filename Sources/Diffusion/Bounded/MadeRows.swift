import Compute

/// An image whose rows are made when they are asked for.
final class MadeRows: RowStream {
    let shape: Shape
    let bandRows: Int
    private let run: BoundedRun
    private let fill: (Range<Int>, Tensor) -> Void
    private var done = 0

    /// - Parameter fill: writes some rows; not called while measuring.
    init(_ shape: Shape, _ run: BoundedRun, fill: @escaping (Range<Int>, Tensor) -> Void) {
        self.shape = shape
        self.run = run
        self.fill = fill
        bandRows = run.bandRows(shape)
    }

    func next() -> Tensor {
        let rows = done..<min(done + bandRows, shape.h)
        let band = run.context.tensor(Shape(n: 1, h: rows.count, w: shape.w, c: shape.c))
        if !run.context.isMeasuring { fill(rows, band) }
        done = rows.upperBound
        return band
    }
}
