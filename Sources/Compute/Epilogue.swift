import CKernels

/// What follows a product while its block is in the cache: bias, time bias, residual, activation.
struct Epilogue {
    let bias: Constant?
    /// `[images, columns]`, bias included; nil where there is none.
    let imageBias: UnsafePointer<Float>?
    /// Rows of the result that belong to one image.
    let imageRows: Int
    let residual: UnsafePointer<Float>?
    let activation: Activation
    /// Columns of the result, and the stride of its rows.
    let columns: Int
    let kernels: kernels

    /// Finishes a block of `result`, the start of the whole matrix, in place.
    func finish(_ result: UnsafeMutablePointer<Float>, rows: Range<Int>, columns range: Range<Int>) {
        guard bias != nil || imageBias != nil || residual != nil || activation != .none else { return }
        let block = result + rows.lowerBound * columns + range.lowerBound
        finish(result, from: ProductSums(start: block, stride: columns, columns: range, scales: nil), rows: rows)
    }

    /// Writes rows that lie `stride` apart, the first at `target`, from their sums: without what differs by image or pixel.
    func finish(_ target: UnsafeMutablePointer<Float>, stride: Int, from sums: ProductSums, rows: Int) {
        precondition(imageBias == nil && residual == nil, "these rows have no place in the whole")
        sums.write(
            rows: 0..<rows, to: target, stride: stride, bias: bias.map { $0.pointer + sums.columns.lowerBound },
            residual: nil, activation: activation, kernels)
    }

    /// Writes a block of `result`, the start of the whole matrix, from its sums.
    func finish(_ result: UnsafeMutablePointer<Float>, from sums: ProductSums, rows: Range<Int>) {
        var first = rows.lowerBound
        while first < rows.upperBound {
            var last = rows.upperBound
            var added = bias?.pointer
            if let imageBias {
                last = min(last, (first / imageRows + 1) * imageRows)
                added = imageBias + first / imageRows * columns
            }
            let offset = first * columns + sums.columns.lowerBound
            sums.write(
                rows: first - rows.lowerBound..<last - rows.lowerBound, to: result + offset, stride: columns,
                bias: added.map { $0 + sums.columns.lowerBound }, residual: residual.map { $0 + offset },
                activation: activation, kernels)
            first = last
        }
    }
}
