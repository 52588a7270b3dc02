/// A 3x3 convolution of an image that is doubled before, nearest neighbour, as four convolutions of 2x2 on the image itself: 16
/// multiplications where there were 36.
///
/// A result's row sees three rows of the doubled image, of which two are the same row of the image: the weights of these are summed
/// beforehand. Which two depends on the parity of the row; and so with columns.
///
/// ```
/// row 2y:     a a b b       w0 a + (w1 + w2) b
///               └─┴─┘
/// row 2y + 1: a a b b       (w0 + w1) b + w2 c
///                 └─┴─┘c
/// ```
enum Doubling {
    /// Of rows and columns of the result: 2 * the row's + the column's.
    static let parities = 4
    /// Pixels that a filter sees.
    static let taps = 4

    /// Where each of the three weights goes.
    private static let places = [[0, 1, 1], [0, 0, 1]]

    /// The filter of one parity, `[2, 2, channels]`, from one of `[3, 3, channels]`.
    static func filter(
        _ target: UnsafeMutablePointer<Float>, parity: Int, _ filter: UnsafePointer<Float>, channels: Int
    ) {
        target.update(repeating: 0, count: taps * channels)
        for (y, row) in places[parity / 2].enumerated() {
            for (x, column) in places[parity % 2].enumerated() {
                let sum = target + (2 * row + column) * channels, weights = filter + (3 * y + x) * channels
                for channel in 0..<channels { sum[channel] += weights[channel] }
            }
        }
    }

    /// The result's pixels of one parity as chunks of neighbours in a row, in the order of the result's rows and of the parities of columns.
    static func chunks(of result: Shape) -> RowChunks {
        RowChunks(rows: result.rows, imageRows: result.w / 2, chunkRows: min(result.w / 2, PanelProduct.chunkRows))
    }
}

extension Context {
    /// The four convolutions, and their epilogue, into `result`, whose statistics are collected if it has any.
    func multiplyDoubling(
        _ x: Operand, _ panels: Panels, window: Window, into result: Tensor, epilogue: () -> Epilogue
    ) {
        let shape = result.shape, channels = shape.c, panelsOfParity = panels.count / Doubling.parities
        let all = Doubling.chunks(of: shape), epilogue = isMeasuring ? nil : epilogue()
        // One parity's pixels, as an image of half the extents.
        let chunks = RowChunks(rows: shape.rows / 4, imageRows: all.imageRows, chunkRows: all.chunkRows)
        for parity in 0..<Doubling.parities {
            window.ofParity(row: parity / 2, column: parity % 2).withKernelWindow { view in
                multiply(
                    x, panels, only: parity * panelsOfParity..<(parity + 1) * panelsOfParity, window: view,
                    chunks: chunks, imageChunks: chunks.count / shape.n
                ) { sums, chunk in
                    let sums = sums.shifted(by: -parity * channels)
                    let line = chunk / chunks.perImage * 2 + parity / 2
                    let column = chunks[chunk].lowerBound % chunks.imageRows * 2 + parity % 2
                    let target = result.pointer + (line * shape.w + column) * channels + sums.columns.lowerBound
                    epilogue?.finish(target, stride: 2 * channels, from: sums, rows: chunks[chunk].count)
                    result.statistics?.collect(
                        chunk: (2 * line + parity % 2) * all.perImage + chunk % chunks.perImage, columns: sums.columns,
                        from: target, stride: 2 * channels, kernels)
                }
            }
        }
    }
}
