import CKernels

/// The sums of one unit of a product, in a thread's scratch: floats, or integers and what they stand for.
struct ProductSums {
    let start: UnsafeMutablePointer<Float>
    /// Elements from one row to the next.
    let stride: Int
    /// Columns of the result.
    let columns: Range<Int>
    /// For integers, from the first row and column on.
    let scales: kernels_scales?

    /// The same sums, as those of other columns.
    func shifted(by offset: Int) -> ProductSums {
        ProductSums(
            start: start, stride: stride, columns: columns.lowerBound + offset..<columns.upperBound + offset,
            scales: scales)
    }

    /// Writes `activation(sums + bias + residual)` for some of the rows. The first of them is at `target` and `residual`; bias begins
    /// at the first column.
    func write(
        rows: Range<Int>, to target: UnsafeMutablePointer<Float>, stride targetStride: Int,
        bias: UnsafePointer<Float>?, residual: UnsafePointer<Float>?, activation: Activation, _ kernels: kernels
    ) {
        let source = start + rows.lowerBound * stride
        guard var scales else {
            kernels.epilogue(
                target, targetStride, source, stride, rows.count, columns.count, bias, residual, targetStride,
                activation.rawValue)
            return
        }
        scales.scale += rows.lowerBound * scales.step
        scales.zero += rows.lowerBound * scales.step
        let integers = UnsafeRawPointer(source).assumingMemoryBound(to: Int32.self)
        kernels.epilogue_u8(
            target, targetStride, integers, stride, rows.count, columns.count, &scales, bias, residual, targetStride,
            activation.rawValue)
    }
}
