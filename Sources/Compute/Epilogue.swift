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
        finish(result, from: block, stride: columns, rows: rows, columns: range)
    }

    /// Writes a block of `result`, the start of the whole matrix, from sums that lie `stride` elements a row apart.
    func finish(
        _ result: UnsafeMutablePointer<Float>, from sums: UnsafePointer<Float>, stride: Int, rows: Range<Int>,
        columns range: Range<Int>
    ) {
        var first = rows.lowerBound
        while first < rows.upperBound {
            var last = rows.upperBound
            var added = bias?.pointer
            if let imageBias {
                last = min(last, (first / imageRows + 1) * imageRows)
                added = imageBias + first / imageRows * columns
            }
            let offset = first * columns + range.lowerBound
            kernels.epilogue(
                result + offset, columns, sums + (first - rows.lowerBound) * stride, stride, last - first, range.count,
                added.map { $0 + range.lowerBound }, residual.map { $0 + offset }, columns, activation.rawValue)
            first = last
        }
    }
}
