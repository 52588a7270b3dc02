import CKernels
import Glibc

extension Context {
    /// Normalizes each group of channels over an image's pixels, then scales, shifts and activates: `[N, H, W, C]`.
    ///
    /// - Parameters:
    ///   - parts: tensors side by side along the channels, C in all; they are never put together.
    ///   - groups: divides the channels.
    ///   - weight, bias: one float a channel; nil is 1 and 0.
    ///   - form: what reads the result.
    public func groupNorm(
        _ parts: [Tensor], groups: Int, epsilon: Float, weight: Constant?, bias: Constant?,
        activation: Activation = .none, form: OperandForm
    ) -> Operand {
        let shape = Operand(floats: parts).shape
        precondition(groups > 0 && shape.c % groups == 0, "\(groups) groups do not divide \(shape.c) channels")
        precondition(weight.map { $0.count == shape.c } ?? true, "the norm's weight does not have \(shape.c) elements")
        precondition(bias.map { $0.count == shape.c } ?? true, "the norm's bias does not have \(shape.c) elements")
        let statistics = JoinedStatistics(parts.map(statistics))
        let result = Operand(shape, form, in: self)
        let factors = buffer(2 * shape.n * shape.c * MemoryLayout<Float>.stride)
        let scales = factors.memory?.assumingMemoryBound(to: Float.self), shifts = scales.map { $0 + shape.n * shape.c }
        if let scales, let shifts {
            pool.parallelFor(shape.n * groups) { index in
                let width = shape.c / groups, image = index / groups, first = index % groups * width
                let (mean, variance) = statistics.moments(image: image, channels: first..<first + width)
                let factor = 1 / (variance + Double(epsilon)).squareRoot()
                for channel in first..<first + width {
                    let scale = factor * Double(weight?.pointer[channel] ?? 1)
                    scales[image * shape.c + channel] = Float(scale)
                    shifts[image * shape.c + channel] = Float(Double(bias?.pointer[channel] ?? 0) - mean * scale)
                }
            }
        }
        if form == .bytesByImage, let scales, let shifts {
            for image in 0..<shape.n {
                let first = image * shape.c
                let range = statistics.range(image: image, scales: scales + first, shifts: shifts + first, activation)
                result.rows.setRange(at: image, range.least, range.most, kernels)
            }
        }
        fill(result) { rows, target in
            guard let scales, let shifts else { return }
            var channel = rows.lowerBound / shape.pixels * shape.c, column = 0
            for part in parts {
                let width = part.shape.c, source = part.pointer + rows.lowerBound * width
                // A kernel takes rows without gaps: one at a time where the parts alternate.
                let step = parts.count == 1 ? rows.count : 1
                for row in stride(from: 0, to: rows.count, by: step) {
                    kernels.scale_shift(
                        target + row * shape.c + column, source + row * width, step, width, scales + channel,
                        shifts + channel, activation.rawValue)
                }
                channel += width
                column += width
            }
        }
        return result
    }

    /// The same for one tensor, as a tensor.
    public func groupNorm(
        _ x: Tensor, groups: Int, epsilon: Float, weight: Constant?, bias: Constant?, activation: Activation = .none
    ) -> Tensor {
        groupNorm(
            [x], groups: groups, epsilon: epsilon, weight: weight, bias: bias, activation: activation, form: .fp32
        ).tensor
    }

    /// Normalizes each row (pixel or token) over its channels, then scales and shifts.
    public func layerNorm(
        _ x: Tensor, epsilon: Float, weight: Constant?, bias: Constant?, form: OperandForm
    ) -> Operand {
        let channels = x.shape.c
        precondition(
            weight.map { $0.count == channels } ?? true, "the norm's weight does not have \(channels) elements")
        precondition(bias.map { $0.count == channels } ?? true, "the norm's bias does not have \(channels) elements")
        let result = Operand(x.shape, form, in: self)
        fill(result) { rows, target in
            kernels.layer_norm(
                target, x.pointer + rows.lowerBound * channels, rows.count, channels, weight?.pointer, bias?.pointer,
                epsilon)
        }
        return result
    }

    /// The same as a tensor.
    public func layerNorm(_ x: Tensor, epsilon: Float, weight: Constant?, bias: Constant?) -> Tensor {
        layerNorm(x, epsilon: epsilon, weight: weight, bias: bias, form: .fp32).tensor
    }
}

/// The statistics of tensors side by side along their channels.
private struct JoinedStatistics {
    private let parts: [(first: Int, statistics: ChannelStatistics)]

    init(_ parts: [ChannelStatistics]) {
        var first = 0
        self.parts = parts.map { part in
            defer { first += part.channels }
            return (first, part)
        }
    }

    /// Mean and variance over all pixels of an image and the given channels, in double precision.
    func moments(image: Int, channels: Range<Int>) -> (mean: Double, variance: Double) {
        var sum = 0.0, deviation = 0.0
        forEach(channels) { sum += $0.sum(image: image, channels: $1) }
        let count = Double(parts[0].statistics.imageRows * channels.count)
        let mean = sum / count
        forEach(channels) { deviation += $0.deviation(image: image, channels: $1, from: mean) }
        return (mean, deviation / count)
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

    private func forEach(_ channels: Range<Int>, _ body: (ChannelStatistics, Range<Int>) -> Void) {
        for (first, statistics) in parts {
            let own = channels.clamped(to: first..<first + statistics.channels)
            if !own.isEmpty { body(statistics, own.lowerBound - first..<own.upperBound - first) }
        }
    }
}
