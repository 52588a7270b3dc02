import CKernels

/// Which pixels of its input each output pixel of a convolution sees: padding, stride and enlargement as two maps.
struct Window {
    let outputHeight: Int
    let outputWidth: Int
    /// Index into the input for each row of the enlarged and padded image; -1 is padding.
    private let rows: [Int32]
    private let columns: [Int32]
    private let input: Shape
    /// Extent of a filter in pixels.
    private let tapsHigh: Int, tapsWide: Int
    let stride: Int

    /// The window of a whole convolution.
    init(
        _ input: Shape, _ weight: ConvolutionWeight, stride: Int, padding: Padding, enlarged: (height: Int, width: Int)
    ) {
        precondition(stride > 0, "a convolution cannot have a stride of \(stride)")
        precondition(input.c == weight.inputs, "\(input) does not enter a convolution of \(weight.inputs) channels")
        rows = Window.map(input.h, enlarged: enlarged.height, before: padding.top, after: padding.bottom)
        columns = Window.map(input.w, enlarged: enlarged.width, before: padding.left, after: padding.right)
        precondition(
            rows.count >= weight.height && columns.count >= weight.width, "\(input) is smaller than the filter")
        outputHeight = (rows.count - weight.height) / stride + 1
        outputWidth = (columns.count - weight.width) / stride + 1
        self.input = input
        tapsHigh = weight.height
        tapsWide = weight.width
        self.stride = stride
    }

    /// Some rows of the output, for an input of which only `available` rows are there.
    func part(_ outputRows: Range<Int>, available: Range<Int>) -> Window {
        let needed = inputRows(for: outputRows)
        precondition(
            available.lowerBound <= needed.lowerBound && needed.upperBound <= available.upperBound,
            "rows \(needed) are needed, \(available) are there")
        return Window(self, outputRows, available)
    }

    private init(_ whole: Window, _ outputRows: Range<Int>, _ available: Range<Int>) {
        rows = whole.seenRows(outputRows).map { $0 < 0 ? -1 : $0 - Int32(available.lowerBound) }
        columns = whole.columns
        outputHeight = outputRows.count
        outputWidth = whole.outputWidth
        input = Shape(n: whole.input.n, h: available.count, w: whole.input.w, c: whole.input.c)
        tapsHigh = whole.tapsHigh
        tapsWide = whole.tapsWide
        stride = whole.stride
    }

    /// Whether each pixel of the input is seen as 2 x 2, from the second row and column on, by filters of 3 x 3.
    var doubles: Bool {
        func isDoubled(_ map: [Int32]) -> Bool {
            map.count.isMultiple(of: 2)
                && Swift.stride(from: 1, to: map.count - 1, by: 2).allSatisfy { map[$0] == map[$0 + 1] }
        }
        return stride == 1 && tapsHigh == 3 && tapsWide == 3 && isDoubled(rows) && isDoubled(columns)
    }

    /// What every second row and column of the output sees, by filters of 2 x 2, where the window doubles its input.
    func ofParity(row: Int, column: Int) -> Window { Window(self, row, column) }

    private init(_ whole: Window, _ row: Int, _ column: Int) {
        rows = Swift.stride(from: row, to: whole.rows.count, by: 2).map { whole.rows[$0] }
        columns = Swift.stride(from: column, to: whole.columns.count, by: 2).map { whole.columns[$0] }
        outputHeight = whole.outputHeight / 2
        outputWidth = whole.outputWidth / 2
        input = whole.input
        tapsHigh = 2
        tapsWide = 2
        stride = 1
    }

    /// The rows of the input that some rows of the output see.
    func inputRows(for outputRows: Range<Int>) -> Range<Int> {
        let seen = seenRows(outputRows).filter { $0 >= 0 }
        guard let first = seen.min(), let last = seen.max() else { return 0..<0 }
        return Int(first)..<Int(last) + 1
    }

    private func seenRows(_ outputRows: Range<Int>) -> ArraySlice<Int32> {
        rows[outputRows.lowerBound * stride..<(outputRows.upperBound - 1) * stride + tapsHigh]
    }

    /// True where the packed rows are the input itself.
    var isIdentity: Bool {
        tapsHigh == 1 && tapsWide == 1 && stride == 1 && rows.elementsEqual(0..<Int32(input.h))
            && columns.elementsEqual(0..<Int32(input.w))
    }

    /// Runs `body` with the kernel's view of this window.
    func withKernelWindow(_ body: (kernels_window) -> Void) {
        rows.withUnsafeBufferPointer { rows in
            columns.withUnsafeBufferPointer { columns in
                body(
                    kernels_window(
                        row_map: rows.baseAddress, column_map: columns.baseAddress, height: input.h, width: input.w,
                        channels: input.c, taps_high: tapsHigh, taps_wide: tapsWide, stride: stride,
                        output_height: outputHeight, output_width: outputWidth))
            }
        }
    }

    private static func map(_ extent: Int, enlarged: Int, before: Int, after: Int) -> [Int32] {
        let zeros = { (count: Int) in [Int32](repeating: -1, count: count) }
        return zeros(before) + nearest(extent, enlarged: enlarged) + zeros(after)
    }

    /// The source index of each of `enlarged` pixels, rounding as torch's nearest interpolation does: in floats.
    static func nearest(_ extent: Int, enlarged: Int) -> [Int32] {
        precondition(enlarged > 0, "an image cannot be enlarged to \(enlarged) pixels")
        let scale = Float(extent) / Float(enlarged)
        return (0..<enlarged).map { Int32(min(extent - 1, Int(Float($0) * scale))) }
    }
}
