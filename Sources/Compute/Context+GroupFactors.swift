import CKernels
import Glibc

/// What a normalization over groups of channels does to images whose statistics are known: for each image and channel
/// `activation(x * scale + shift)`.
public struct NormalizationFactors {
    let images: Int
    let channels: Int
    let activation: Activation
    /// `[2][images][channels]` floats: scales and shifts; then least and most of each image's result.
    private let buffer: Buffer

    init(images: Int, channels: Int, activation: Activation, in context: Context) {
        self.images = images
        self.channels = channels
        self.activation = activation
        buffer = context.buffer((2 * images * channels + 2 * images) * MemoryLayout<Float>.stride)
    }

    /// The least and most of the first image, normalized; nothing while measuring.
    public var range: (least: Float, most: Float) { ranges.map { ($0[0], $0[1]) } ?? (0, 0) }

    /// Nil while measuring.
    var scales: UnsafeMutablePointer<Float>? { buffer.memory?.assumingMemoryBound(to: Float.self) }
    var shifts: UnsafeMutablePointer<Float>? { scales.map { $0 + images * channels } }
    /// Least and most, image by image.
    var ranges: UnsafeMutablePointer<Float>? { scales.map { $0 + 2 * images * channels } }
}

extension Context {
    /// The statistics of whole images that came with a tensor, or else new ones.
    public func imageStatistics(_ x: Tensor) -> ImageStatistics {
        let result = ImageStatistics(x.shape, in: self)
        add(x, to: result)
        return result
    }

    /// Adds the next rows of an image (or all images) to its statistics.
    public func add(_ x: Tensor, to result: ImageStatistics) {
        let found = statistics(x)
        if !isMeasuring { result.add(found, pool: pool) }
    }

    /// What normalizing each group of channels over an image's pixels does.
    ///
    /// - Parameters:
    ///   - parts: of tensors side by side along the channels, C in all.
    ///   - groups: divides the channels.
    ///   - weight, bias: one float a channel; nil is 1 and 0.
    public func normalizationFactors(
        _ parts: [ImageStatistics], groups: Int, epsilon: Float, weight: Constant?, bias: Constant?,
        activation: Activation
    ) -> NormalizationFactors {
        let channels = parts.reduce(0) { $0 + $1.channels }, images = parts[0].images
        precondition(groups > 0 && channels % groups == 0, "\(groups) groups do not divide \(channels) channels")
        precondition(
            weight.map { $0.count == channels } ?? true, "the norm's weight does not have \(channels) elements")
        precondition(bias.map { $0.count == channels } ?? true, "the norm's bias does not have \(channels) elements")
        let factors = NormalizationFactors(images: images, channels: channels, activation: activation, in: self)
        guard let scales = factors.scales, let shifts = factors.shifts, let ranges = factors.ranges else {
            return factors
        }
        let statistics = JoinedStatistics(parts)
        pool.parallelFor(images * groups) { index in
            let width = channels / groups, image = index / groups, first = index % groups * width
            let (mean, variance) = statistics.moments(image: image, channels: first..<first + width)
            let factor = 1 / (variance + Double(epsilon)).squareRoot()
            for channel in first..<first + width {
                let scale = factor * Double(weight?.pointer[channel] ?? 1)
                scales[image * channels + channel] = Float(scale)
                shifts[image * channels + channel] = Float(Double(bias?.pointer[channel] ?? 0) - mean * scale)
            }
        }
        for image in 0..<images {
            let first = image * channels
            (ranges[2 * image], ranges[2 * image + 1]) = statistics.range(
                image: image, scales: scales + first, shifts: shifts + first, activation)
        }
        return factors
    }

    /// Normalizes tensors side by side along their channels: whole images, or some rows of one.
    func normalize(_ parts: [Tensor], _ factors: NormalizationFactors, into result: Operand) {
        let shape = result.shape
        if result.form == .bytesByImage, let ranges = factors.ranges {
            for image in 0..<shape.n {
                result.rows.setRange(at: image, ranges[2 * image], ranges[2 * image + 1], kernels)
            }
        }
        fill(result) { rows, target in
            guard let scales = factors.scales, let shifts = factors.shifts else { return }
            var channel = rows.lowerBound / shape.pixels * shape.c, column = 0
            for part in parts {
                let width = part.shape.c, source = part.pointer + rows.lowerBound * width
                // A kernel takes rows without gaps: one at a time where the parts alternate.
                let step = parts.count == 1 ? rows.count : 1
                for row in stride(from: 0, to: rows.count, by: step) {
                    kernels.scale_shift(
                        target + row * shape.c + column, source + row * width, step, width, scales + channel,
                        shifts + channel, factors.activation.rawValue)
                }
                channel += width
                column += width
            }
        }
    }
}

/// The statistics of tensors side by side, as one.
private struct JoinedStatistics {
    private let parts: [(first: Int, statistics: ImageStatistics)]

    init(_ parts: [ImageStatistics]) {
        var first = 0
        self.parts = parts.map { part in
            defer { first += part.channels }
            return (first, part)
        }
    }

    /// Mean and variance over all pixels of an image and the given channels, in double precision.
    func moments(image: Int, channels: Range<Int>) -> (mean: Double, variance: Double) {
        var sum = 0.0, squares = 0.0
        for (first, statistics) in parts {
            let own = channels.clamped(to: first..<first + statistics.channels)
            guard !own.isEmpty else { continue }
            let found = statistics.sums(image: image, channels: own.lowerBound - first..<own.upperBound - first)
            sum += found.sum
            squares += found.squares
        }
        let count = Double(parts[0].statistics.pixels * channels.count)
        let mean = sum / count
        return (mean, max(0, squares / count - mean * mean))
    }

    /// The range of `activation(x * scale + shift)` over an image: exact for what rises everywhere; SiLU falls below -1.278.
    func range(
        image: Int, scales: UnsafePointer<Float>, shifts: UnsafePointer<Float>, _ activation: Activation
    ) -> (least: Float, most: Float) {
        precondition(activation == .none || activation == .silu, "the range of \(activation) is not known here")
        var least = Float.infinity, most = -Float.infinity
        for (first, statistics) in parts {
            for channel in 0..<statistics.channels {
                let found = statistics.range(image: image, channel: channel)
                let scale = scales[first + channel], shift = shifts[first + channel]
                let a = found.least * scale + shift, b = found.most * scale + shift
                least = min(least, a, b)
                most = max(most, a, b)
            }
        }
        guard activation == .silu else { return (least, most) }
        let silu = { (x: Float) in x / (1 + exp(-x)) }, lowest = Float(-1.2784645)
        let low = least > lowest ? silu(least) : silu(min(most, lowest))
        return (low, max(silu(most), silu(least)))
    }
}
