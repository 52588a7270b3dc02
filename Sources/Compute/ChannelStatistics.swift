import CKernels

/// What a normalization has to know of an image: mean, squared deviation, least and most of each channel, by chunks of rows.
///
/// A product collects them while a block of its result is in the cache, so that nobody reads the image for them again. They
/// are of the elements as the product wrote them: a tensor that is changed in place afterwards must not be normalized by them.
///
/// Memory, in floats: `[chunks][4][channels]`.
struct ChannelStatistics {
    let chunks: RowChunks
    let channels: Int
    /// Pixels of an image, and chunks.
    let imageRows: Int
    private let perImage: Int
    private let buffer: Buffer

    /// Memory for the statistics of an image batch, not filled yet.
    init(_ shape: Shape, chunkRows: Int, in context: Context) {
        let chunkRows = min(shape.pixels, chunkRows)
        self.init(shape, RowChunks(rows: shape.rows, imageRows: shape.pixels, chunkRows: chunkRows), in: context)
    }

    /// The same for chunks that someone else cut, within images.
    init(_ shape: Shape, _ chunks: RowChunks, in context: Context) {
        self.chunks = chunks
        imageRows = shape.pixels
        perImage = chunks.count / shape.n
        channels = shape.c
        buffer = context.buffer(chunks.count * 4 * shape.c * MemoryLayout<Float>.stride)
    }

    private var pointer: UnsafeMutablePointer<Float> {
        guard let memory = buffer.memory else { preconditionFailure("a measuring tensor has no statistics") }
        return memory.assumingMemoryBound(to: Float.self)
    }

    /// Collects one chunk's columns. `source` is the chunk's first row at the first of the columns.
    func collect(
        chunk: Int, columns: Range<Int>, from source: UnsafePointer<Float>, stride: Int, _ kernels: kernels
    ) {
        kernels.column_statistics(
            pointer + chunk * 4 * channels + columns.lowerBound, channels, source, stride, chunks[chunk].count,
            columns.count)
    }

    /// Adds up the elements of some channels of an image: first the sum, then (about `mean`) the squared deviations.
    func sum(image: Int, channels range: Range<Int>) -> Double {
        reduce(image) { rows, mean, _ in range.reduce(0) { $0 + rows * Double(mean[$1]) } }
    }

    /// The squared deviations of some channels of an image from `mean`.
    func deviation(image: Int, channels range: Range<Int>, from mean: Double) -> Double {
        reduce(image) { rows, means, deviations in
            range.reduce(0) {
                let distance = Double(means[$1]) - mean
                return $0 + Double(deviations[$1]) + rows * distance * distance
            }
        }
    }

    /// The least and the most of a channel of an image.
    func range(image: Int, channel: Int) -> (least: Float, most: Float) {
        var least = Float.infinity, most = -Float.infinity
        for chunk in image * perImage..<(image + 1) * perImage {
            let found = pointer + chunk * 4 * channels + channel
            least = min(least, found[2 * channels])
            most = max(most, found[3 * channels])
        }
        return (least, most)
    }

    private func reduce(
        _ image: Int, _ body: (_ rows: Double, UnsafePointer<Float>, UnsafePointer<Float>) -> Double
    ) -> Double {
        var total = 0.0
        for chunk in image * perImage..<(image + 1) * perImage {
            let means = UnsafePointer(pointer + chunk * 4 * channels)
            total += body(Double(chunks[chunk].count), means, means + channels)
        }
        return total
    }
}
