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
    let images: Int
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
        images = shape.n
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

    /// What was found of an image's chunks, one after another: of each channel the mean, squared deviation, least and most.
    func forEachChunk(
        of image: Int,
        _ body: (
            _ rows: Int,
            _ found: (
                mean: UnsafePointer<Float>, deviation: UnsafePointer<Float>, least: UnsafePointer<Float>,
                most: UnsafePointer<Float>
            )
        ) -> Void
    ) {
        for chunk in image * perImage..<(image + 1) * perImage {
            let found = UnsafePointer(pointer + chunk * 4 * channels)
            body(
                chunks[chunk].count,
                (found, found + channels, found + 2 * channels, found + 3 * channels))
        }
    }
}
