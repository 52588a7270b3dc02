/// Scales a picture whose rows come one by one, with no more of it in memory than the filter reaches.
///
/// Each row is scaled across when it comes, and waits in a ring; a row of the result is made as soon as the last row that it
/// needs is there. Across first and rounded to bytes between, as Pillow's `Image.resize(size, LANCZOS)` does: the
/// same bytes. (Pillow 13 goes down first where a picture loses much more of its height; then a few samples differ.)
struct LanczosScaler {
    /// The result; complete when the last row has come.
    private(set) var pixels: [UInt8]

    private let across: LanczosKernel, down: LanczosKernel
    private let stride: Int
    private var ring: [UInt8]
    private var comeRows = 0, madeRows = 0

    init(from source: (width: Int, height: Int), to target: (width: Int, height: Int)) {
        across = LanczosKernel(from: source.width, to: target.width)
        down = LanczosKernel(from: source.height, to: target.height)
        stride = 3 * target.width
        ring = [UInt8](repeating: 0, count: down.window * stride)
        pixels = [UInt8](repeating: 0, count: stride * target.height)
    }

    /// What one takes, the result among it.
    static func byteCount(from source: (width: Int, height: Int), to target: (width: Int, height: Int)) -> Int {
        let window = LanczosKernel.window(from: source.height, to: target.height)
        let wide = LanczosKernel.window(from: source.width, to: target.width)
        let kernels = target.height * (4 * window + 16) + target.width * (4 * wide + 16)
        return 3 * target.width * (target.height + window) + kernels
    }

    /// Takes the next row, three samples a pixel.
    mutating func add(_ row: UnsafeBufferPointer<UInt8>) {
        let start = comeRows % down.window * stride
        for (column, range) in across.ranges.enumerated() {
            var sums = SIMD3<Int32>(repeating: LanczosKernel.half)
            var weight = column * across.window
            for place in range {
                let pixel = SIMD3(Int32(row[3 * place]), Int32(row[3 * place + 1]), Int32(row[3 * place + 2]))
                sums &+= pixel &* across.weights[weight]
                weight += 1
            }
            for sample in 0..<3 { ring[start + 3 * column + sample] = LanczosKernel.byte(sums[sample]) }
        }
        comeRows += 1
        while madeRows < down.ranges.count, down.ranges[madeRows].upperBound <= comeRows { makeRow() }
    }

    private mutating func makeRow() {
        var sums = [Int32](repeating: LanczosKernel.half, count: stride)
        for (index, row) in down.ranges[madeRows].enumerated() {
            let weight = down.weights[madeRows * down.window + index], start = row % down.window * stride
            for sample in 0..<stride { sums[sample] &+= Int32(ring[start + sample]) &* weight }
        }
        for sample in 0..<stride { pixels[madeRows * stride + sample] = LanczosKernel.byte(sums[sample]) }
        madeRows += 1
    }
}
