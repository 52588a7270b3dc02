/// What a normalization has to know of whole images: of each image and channel the sum, the sum of squares, least and most.
///
/// Folded from the chunks of `ChannelStatistics` in their order. Of an image that comes some rows at a time, each part is added as
/// it comes: where the chunks are the same, so is every bit of the result.
public struct ImageStatistics {
    let images: Int
    let channels: Int
    /// Of one image.
    let pixels: Int
    private let buffer: Buffer

    private struct Sums {
        var sum = 0.0, squares = 0.0
        var least = Float.infinity, most = -Float.infinity
    }

    private static let channelsOfTask = 64

    /// Memory for the statistics of `shape`, of nothing yet.
    public init(_ shape: Shape, in context: Context) {
        images = shape.n
        channels = shape.c
        pixels = shape.pixels
        buffer = context.buffer(shape.n * shape.c * MemoryLayout<Sums>.stride)
        buffer.memory?.initializeMemory(as: Sums.self, repeating: Sums(), count: shape.n * shape.c)
    }

    private var sums: UnsafeMutablePointer<Sums> {
        guard let memory = buffer.memory else { preconditionFailure("a measuring tensor has no statistics") }
        return memory.assumingMemoryBound(to: Sums.self)
    }

    /// Adds what was collected of the images, or of the next rows of one.
    func add(_ part: ChannelStatistics, pool: ThreadPool) {
        precondition(part.channels == channels && part.images == images, "the statistics are of other images")
        let sums = sums, width = ImageStatistics.channelsOfTask, tasks = (channels + width - 1) / width
        pool.parallelFor(images * tasks) { index in
            let image = index / tasks, first = index % tasks * width
            let range = first..<min(channels, first + width)
            part.forEachChunk(of: image) { rows, found in
                for channel in range {
                    let mean = Double(found.mean[channel]), target = sums + image * channels + channel
                    target.pointee.sum += Double(rows) * mean
                    target.pointee.squares += Double(found.deviation[channel]) + Double(rows) * mean * mean
                    target.pointee.least = min(target.pointee.least, found.least[channel])
                    target.pointee.most = max(target.pointee.most, found.most[channel])
                }
            }
        }
    }

    /// Sum and sum of squares of some channels of an image.
    func sums(image: Int, channels range: Range<Int>) -> (sum: Double, squares: Double) {
        range.reduce((0, 0)) { total, channel in
            let found = sums[image * channels + channel]
            return (total.0 + found.sum, total.1 + found.squares)
        }
    }

    /// The mean of a channel of an image.
    func mean(image: Int, channel: Int) -> Float {
        Float(sums[image * channels + channel].sum / Double(pixels))
    }

    /// The least and the most of a channel of an image.
    func range(image: Int, channel: Int) -> (least: Float, most: Float) {
        let found = sums[image * channels + channel]
        return (found.least, found.most)
    }

    /// The least and the most of the first image.
    public var range: (least: Float, most: Float) { range(image: 0) }

    /// The least and the most of an image.
    func range(image: Int) -> (least: Float, most: Float) {
        (0..<channels).reduce((.infinity, -.infinity)) { total, channel in
            let found = range(image: image, channel: channel)
            return (min(total.0, found.least), max(total.1, found.most))
        }
    }
}
