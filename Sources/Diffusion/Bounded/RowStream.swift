import Compute

/// An image that comes from top to bottom, some rows at a time.
protocol RowStream: AnyObject {
    /// The whole image, `[1, H, W, C]`.
    var shape: Shape { get }
    /// Rows that come at once, at the most.
    var bandRows: Int { get }
    /// The next rows. Must not be called again after the last.
    func next() throws(DiffusionError) -> Tensor
}

/// A tensor, as a stream of one band.
final class WholeImage: RowStream {
    private let tensor: Tensor

    init(_ tensor: Tensor) { self.tensor = tensor }

    var shape: Shape { tensor.shape }
    var bandRows: Int { shape.h }

    func next() -> Tensor { tensor }
}

/// Rows that wait for someone who needs them in other numbers than they come, or later.
final class RowQueue {
    private let context: Context
    private let source: (any RowStream)?
    private var waiting: [Tensor] = []

    /// - Parameter source: where rows are taken from when those that wait are not enough; nil where all are pushed.
    init(_ source: (any RowStream)? = nil, in context: Context) {
        self.source = source
        self.context = context
    }

    func push(_ band: Tensor) { waiting.append(band) }

    /// The next `count` rows. There must be so many.
    func take(_ count: Int) throws(DiffusionError) -> Tensor {
        var found = waiting.reduce(0) { $0 + $1.shape.h }
        while found < count, let source {
            push(try source.next())
            found += waiting[waiting.count - 1].shape.h
        }
        precondition(found >= count, "\(count) rows are asked for, \(found) wait")
        let first = waiting[0]
        if first.shape.h == count { return waiting.removeFirst() }
        let result = context.tensor(Shape(n: 1, h: count, w: first.shape.w, c: first.shape.c))
        var filled = 0
        while filled < count {
            let band = waiting.removeFirst(), rows = min(band.shape.h, count - filled)
            context.copy(band.rows(0..<rows), into: result.rows(filled..<filled + rows))
            if rows < band.shape.h { waiting.insert(band.rows(rows..<band.shape.h), at: 0) }
            filled += rows
        }
        return result
    }
}
