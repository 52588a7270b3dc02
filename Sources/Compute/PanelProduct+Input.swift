import CKernels

/// What quantized activations stand for: `scale * (byte - zero)`.
struct Scales {
    let scale: UnsafeMutablePointer<Float>
    let zero: UnsafeMutablePointer<Int32>

    /// `count` scales and as many zero points, in memory of `8 * count` bytes.
    init(start: UnsafeMutableRawPointer, count: Int) {
        scale = start.assumingMemoryBound(to: Float.self)
        zero = (start + 4 * count).assumingMemoryBound(to: Int32.self)
    }
}

/// The input in the weight's precision.
extension PanelProduct {
    private static let chunk = 16384

    /// Fills `narrow`, `padding` and `scales`; for fp32 only the padding.
    func prepare(
        _ input: UnsafePointer<Float>, narrow: UnsafeMutableRawPointer, padding: UnsafeMutableRawPointer,
        _ scales: Scales, _ pool: ThreadPool, _ kernels: kernels
    ) {
        let channels = weight.channels
        let bytes = padding.initializeMemory(
            as: UInt8.self, repeating: 0, count: channels * weight.precision.elementBytes)
        switch weight.precision {
        case .fp32: break
        case .bf16:
            let target = narrow.assumingMemoryBound(to: UInt16.self)
            forEachPart(pool) { part in
                kernels.f32_to_bf16(
                    target + part.lowerBound * channels, input + part.lowerBound * channels, part.count * channels)
            }
        case .int8, .int4:
            let target = narrow.assumingMemoryBound(to: UInt8.self)
            if hasOwnScales {
                forEachPart(pool) { part in
                    for pixel in part {
                        let row = input + pixel * channels
                        var least: Float = 0, most: Float = 0
                        kernels.range(&least, &most, row, channels)
                        let factor = set(scales, at: pixel, least, most, levels: kernels.activation_levels)
                        kernels.quantize(
                            target + pixel * channels, row, channels, factor, Float(scales.zero[pixel]),
                            kernels.activation_levels)
                    }
                }
            } else {
                let (least, most) = range(of: input, pool, kernels)
                let factor = set(scales, at: 0, least, most, levels: kernels.activation_levels)
                bytes.update(repeating: UInt8(scales.zero[0]), count: channels)
                forEachPart(pool) { part in
                    kernels.quantize(
                        target + part.lowerBound * channels, input + part.lowerBound * channels, part.count * channels,
                        factor, Float(scales.zero[0]), kernels.activation_levels)
                }
            }
        }
    }

    /// Chooses scale and zero point so that `least ... most`, and zero in any case, are represented. Returns `1 / scale`.
    private func set(_ scales: Scales, at index: Int, _ least: Float, _ most: Float, levels: Int32) -> Float {
        let low = min(least, 0), high = max(most, 0)
        let scale = max((high - low) / Float(levels), .leastNormalMagnitude)
        scales.scale[index] = scale
        scales.zero[index] = Int32((-low / scale).rounded(.toNearestOrEven))
        return 1 / scale
    }

    /// The range of the whole input, part by part in parallel.
    private func range(of input: UnsafePointer<Float>, _ pool: ThreadPool, _ kernels: kernels) -> (Float, Float) {
        let parts = (pixels + partPixels - 1) / partPixels
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * parts) { ranges in
            guard let ranges = ranges.baseAddress else { return (0, 0) }
            forEachPart(pool) { part in
                let found = ranges + part.lowerBound / partPixels * 2
                kernels.range(found, found + 1, input + part.lowerBound * weight.channels, part.count * weight.channels)
            }
            return (0..<parts).reduce((0, 0)) { (min($0.0, ranges[2 * $1]), max($0.1, ranges[2 * $1 + 1])) }
        }
    }

    private var partPixels: Int { max(1, PanelProduct.chunk / weight.channels) }

    private func forEachPart(_ pool: ThreadPool, _ body: (Range<Int>) -> Void) {
        let size = partPixels
        pool.parallelFor((pixels + size - 1) / size) { index in
            body(index * size..<min(pixels, (index + 1) * size))
        }
    }
}
