/// Turns and scales a picture whose rows come one by one, with no more of it in memory than the filter reaches.
///
/// ```
/// upright   row ─► across ─► ring of scaled rows ─► down ─► a row of the result
/// sideways  row ─► ring of rows as they came ─► their sum, a column of the turned picture at its new place ─► down ─► a column
/// ```
/// A line of the result, a row or a column, is made as soon as the last row that it needs is there. Of the turned picture, across
/// comes first and is rounded to bytes before down, as Pillow's `Image.resize(size, LANCZOS)` does: the
/// same bytes. (Pillow 13 goes down first where a picture loses much more of its height; then a few samples differ.)
struct LanczosScaler {
    /// The result; complete when the last row has come.
    private(set) var pixels: [UInt8]

    private let orientation: Orientation
    private let source: (width: Int, height: Int)
    private let target: (width: Int, height: Int)
    /// Which rows a line of the result is made of, and how a row is scaled along itself.
    private let lines: LanczosKernel, along: RowFilter
    /// Rows that the ring holds, and the samples of each.
    private let ringRows: Int, stride: Int
    private var ring: [UInt8]
    private var line: [UInt8]
    private var comeRows = 0, madeLines = 0

    /// From the size of what is stored to that of what is seen.
    init(
        from source: (width: Int, height: Int), to target: (width: Int, height: Int),
        turned orientation: Orientation = .upright
    ) {
        (self.source, self.target, self.orientation) = (source, target, orientation)
        let swaps = orientation.swapsSides
        lines = LanczosKernel(from: source.height, to: swaps ? target.width : target.height)
        along = RowFilter(
            places: LanczosKernel(from: source.width, to: swaps ? target.height : target.width), width: source.width,
            isMirrored: orientation.reversesColumns)
        stride = 3 * (swaps ? source.width : target.width)
        ringRows = min(lines.window, source.height)
        ring = [UInt8](repeating: 0, count: ringRows * stride)
        line = [UInt8](repeating: 0, count: stride)
        pixels = [UInt8](repeating: 0, count: 3 * target.width * target.height)
    }

    /// What one takes, the result among it.
    static func byteCount(
        from source: (width: Int, height: Int), to target: (width: Int, height: Int),
        turned orientation: Orientation = .upright
    ) -> Int {
        let swaps = orientation.swapsSides
        let lineCount = swaps ? target.width : target.height, placeCount = swaps ? target.height : target.width
        let window = LanczosKernel.window(from: source.height, to: lineCount)
        let wide = LanczosKernel.window(from: source.width, to: placeCount)
        let kernels = lineCount * (4 * window + 16) + placeCount * (4 * wide + 16)
        let stride = 3 * (swaps ? source.width : target.width)
        // The line, and its sums of four bytes.
        return 3 * target.width * target.height + stride * (min(window, source.height) + 5) + kernels
    }

    /// Whether every line is made.
    var isComplete: Bool { madeLines == lines.ranges.count }

    /// Takes the next row as it is stored, three samples a pixel. Before each line that it completes, `goesOn` is asked; where that
    /// answers false, the line and all that follow stay away.
    mutating func add(_ row: UnsafeBufferPointer<UInt8>, goesOn: () -> Bool) {
        let position = orientation.reversesRows ? source.height - 1 - comeRows : comeRows
        let stride = stride, start = position % ringRows * stride, along = orientation.swapsSides ? nil : along
        ring.withUnsafeMutableBufferPointer { ring in
            let place = UnsafeMutableBufferPointer(rebasing: ring[start..<start + stride])
            if let along {
                along.scale(row) { index, pixel in for sample in 0..<3 { place[3 * index + sample] = pixel[sample] } }
            } else {
                _ = place.update(fromContentsOf: row)
            }
        }
        comeRows += 1
        while !isComplete, isReady, goesOn() { makeLine() }
    }

    /// The next line's number: the last one comes first where the last row does.
    private var nextLine: Int { orientation.reversesRows ? lines.ranges.count - 1 - madeLines : madeLines }

    private var isReady: Bool {
        let range = lines.ranges[nextLine]
        return orientation.reversesRows ? range.lowerBound >= source.height - comeRows : range.upperBound <= comeRows
    }

    private mutating func makeLine() {
        let number = nextLine
        var sums = [Int32](repeating: LanczosKernel.half, count: stride)
        for (index, row) in lines.ranges[number].enumerated() {
            let weight = lines.weights[number * lines.window + index], start = row % ringRows * stride
            for sample in 0..<stride { sums[sample] &+= Int32(ring[start + sample]) &* weight }
        }
        for sample in 0..<stride { line[sample] = LanczosKernel.byte(sums[sample]) }
        let along = orientation.swapsSides ? along : nil, width = target.width, line = line
        pixels.withUnsafeMutableBufferPointer { pixels in
            guard let along else {
                for sample in line.indices { pixels[number * line.count + sample] = line[sample] }
                return
            }
            line.withUnsafeBufferPointer { line in
                along.scale(line) { row, pixel in
                    for sample in 0..<3 { pixels[3 * (row * width + number) + sample] = pixel[sample] }
                }
            }
        }
        madeLines += 1
    }
}

/// Scales a row along itself, from its end where it is mirrored.
private struct RowFilter {
    let places: LanczosKernel
    /// Of the row as it comes, in pixels.
    let width: Int
    let isMirrored: Bool

    /// Hands each pixel of the scaled row to `take`, with its place.
    func scale(_ row: UnsafeBufferPointer<UInt8>, _ take: (Int, SIMD3<UInt8>) -> Void) {
        let first = isMirrored ? 3 * (width - 1) : 0, step = isMirrored ? -3 : 3
        for (index, range) in places.ranges.enumerated() {
            var sums = SIMD3<Int32>(repeating: LanczosKernel.half)
            var weight = index * places.window, sample = first + range.lowerBound * step
            for _ in range {
                let pixel = SIMD3(Int32(row[sample]), Int32(row[sample + 1]), Int32(row[sample + 2]))
                sums &+= pixel &* places.weights[weight]
                weight += 1
                sample += step
            }
            take(
                index,
                SIMD3(LanczosKernel.byte(sums[0]), LanczosKernel.byte(sums[1]), LanczosKernel.byte(sums[2])))
        }
    }
}
