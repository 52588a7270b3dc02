import CKernels

extension Context {
    /// Normalizes each group of channels over an image's pixels, then scales, shifts and activates.
    ///
    /// - Parameters:
    ///   - groups: divides the channels.
    ///   - weight, bias: one float a channel; nil is 1 and 0.
    public func groupNorm(
        _ x: Tensor, groups: Int, epsilon: Float, weight: Constant?, bias: Constant?, activation: Activation = .none
    ) -> Tensor {
        let shape = x.shape
        precondition(groups > 0 && shape.c % groups == 0, "\(groups) groups do not divide \(shape.c) channels")
        precondition(weight.map { $0.count == shape.c } ?? true, "the norm's weight does not have \(shape.c) elements")
        precondition(bias.map { $0.count == shape.c } ?? true, "the norm's bias does not have \(shape.c) elements")
        let result = tensor(shape)
        let moments = ChannelMoments(shape)
        withScratch(moments.elements + 2 * shape.n * shape.c) { scratch in
            let scales = scratch + moments.elements, shifts = scales + shape.n * shape.c
            let source = UnsafePointer(x.pointer), target = result.pointer
            pool.parallelFor(moments.chunks * shape.n) { moments.collect(source, chunk: $0, into: scratch, kernels) }
            pool.parallelFor(shape.n * groups) { index in
                let width = shape.c / groups
                let image = index / groups, first = index % groups * width
                let (mean, variance) = moments.combine(scratch, image: image, channels: first..<first + width)
                let factor = 1 / (variance + Double(epsilon)).squareRoot()
                for channel in first..<first + width {
                    let scale = factor * Double(weight?.pointer[channel] ?? 1)
                    scales[image * shape.c + channel] = Float(scale)
                    shifts[image * shape.c + channel] = Float(Double(bias?.pointer[channel] ?? 0) - mean * scale)
                }
            }
            pool.parallelFor(moments.chunks * shape.n) { index in
                let image = index / moments.chunks, rows = moments.rows(of: index)
                kernels.scale_shift(
                    target + rows.lowerBound * shape.c, source + rows.lowerBound * shape.c, rows.count, shape.c,
                    scales + image * shape.c, shifts + image * shape.c, activation.rawValue)
            }
        }
        return result
    }

    /// Normalizes each row (pixel or token) over its channels, then scales and shifts.
    public func layerNorm(_ x: Tensor, epsilon: Float, weight: Constant?, bias: Constant?) -> Tensor {
        let channels = x.shape.c
        precondition(
            weight.map { $0.count == channels } ?? true, "the norm's weight does not have \(channels) elements")
        precondition(bias.map { $0.count == channels } ?? true, "the norm's bias does not have \(channels) elements")
        let result = tensor(x.shape)
        if !isMeasuring {
            let source = UnsafePointer(x.pointer), target = result.pointer
            parallel(x.shape.rows, chunk: max(1, 16384 / channels)) { rows in
                kernels.layer_norm(
                    target + rows.lowerBound * channels, source + rows.lowerBound * channels, rows.count, channels,
                    weight?.pointer, bias?.pointer, epsilon)
            }
        }
        return result
    }
}

/// Mean and squared deviation of each channel, collected in chunks of pixels that fit a core's cache and combined in double.
private struct ChannelMoments {
    let shape: Shape
    let chunkRows: Int

    init(_ shape: Shape) {
        self.shape = shape
        chunkRows = min(shape.pixels, max(1, min(512, 65536 / shape.c)))
    }

    /// Chunks of one image.
    var chunks: Int { (shape.pixels + chunkRows - 1) / chunkRows }
    /// Floats that all moments take: means and deviations of each chunk.
    var elements: Int { 2 * shape.n * chunks * shape.c }

    /// The rows of a chunk among all of the batch.
    func rows(of chunk: Int) -> Range<Int> {
        let image = chunk / chunks * shape.pixels, first = chunk % chunks * chunkRows
        return image + first..<image + min(shape.pixels, first + chunkRows)
    }

    func collect(
        _ source: UnsafePointer<Float>, chunk: Int, into moments: UnsafeMutablePointer<Float>, _ kernels: kernels
    ) {
        let rows = rows(of: chunk), mean = moments + 2 * chunk * shape.c
        kernels.moments(mean, mean + shape.c, source + rows.lowerBound * shape.c, shape.c, rows.count, shape.c)
    }

    /// Mean and variance over all pixels of an image and the given channels.
    func combine(
        _ moments: UnsafePointer<Float>, image: Int, channels: Range<Int>
    ) -> (mean: Double, variance: Double) {
        var sum = 0.0, deviation = 0.0
        let all = image * chunks..<(image + 1) * chunks
        for chunk in all {
            let count = Double(rows(of: chunk).count)
            for channel in channels { sum += count * Double(moments[2 * chunk * shape.c + channel]) }
        }
        let count = Double(shape.pixels * channels.count)
        let mean = sum / count
        for chunk in all {
            let rows = Double(rows(of: chunk).count)
            for channel in channels {
                let distance = Double(moments[2 * chunk * shape.c + channel]) - mean
                deviation += Double(moments[(2 * chunk + 1) * shape.c + channel]) + rows * distance * distance
            }
        }
        return (mean, deviation / count)
    }
}
