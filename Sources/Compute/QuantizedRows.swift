import CKernels

/// Rows of a weight as integers and scales in the order of a checkpoint: what `WeightSource.Coding.int8` and `.int4` read.
public struct QuantizedRows {
    /// `int8` or `int4`.
    public let precision: WeightPrecision
    private let source: WeightSource
    private let quantizer = Quantizer()

    /// - Precondition: `precision` is one of integers, and the channels are whole groups of it.
    public init(_ source: WeightSource, _ precision: WeightPrecision) {
        precondition(
            precision.arithmetic == .int8 && precision.fitting(channels: source.channels) == precision,
            "\(source.channels) channels cannot be stored as \(precision)")
        self.precision = precision
        self.source = source
    }

    /// Bytes of a row's integers.
    public var rowBytes: Int { source.depth * precision.bits / 8 }
    /// Bytes of a row's scales: one float, or a float16 for each group, `[taps, channels / 32]`.
    public var rowScaleBytes: Int { precision == .int8 ? 4 : source.depth / Quantizer.groupSize * 2 }

    /// Writes every row, in parallel where there is a pool.
    ///
    /// - Parameters:
    ///   - target: `outputs * rowBytes` bytes.
    ///   - scales: `outputs * rowScaleBytes` bytes, aligned for a float16.
    public func write(
        into target: UnsafeMutableRawBufferPointer, scales: UnsafeMutableRawBufferPointer, pool: ThreadPool?
    ) {
        precondition(
            target.count == source.outputs * rowBytes && scales.count == source.outputs * rowScaleBytes,
            "the buffers have another size")
        guard let start = target.baseAddress, let scaleStart = scales.baseAddress else { return }
        let body = { (row: Int) in
            write(row, into: start + row * rowBytes, scales: scaleStart + row * rowScaleBytes)
        }
        if let pool { pool.parallelFor(source.outputs, body) } else { (0..<source.outputs).forEach(body) }
    }

    private func write(_ row: Int, into target: UnsafeMutableRawPointer, scales: UnsafeMutableRawPointer) {
        let depth = source.depth, taps = source.taps, channels = source.channels
        let floats = UnsafeMutablePointer<Float>.allocate(capacity: depth)
        let integers = UnsafeMutablePointer<Int8>.allocate(capacity: depth)
        defer {
            floats.deallocate()
            integers.deallocate()
        }
        source.read(row..<row + 1, into: floats)
        if precision == .int8 {
            let scale = quantizer.quantize8(floats, taps: taps, channels: channels, into: integers)
            scales.storeBytes(of: scale, as: Float.self)
            let bytes = target.assumingMemoryBound(to: Int8.self)
            for tap in 0..<taps {
                for channel in 0..<channels { bytes[channel * taps + tap] = integers[tap * channels + channel] }
            }
        } else {
            quantizer.quantize4(
                floats, count: depth, into: integers, scales: scales.assumingMemoryBound(to: UInt16.self))
            let pairs = target.assumingMemoryBound(to: UInt8.self)
            for tap in 0..<taps {
                let row = integers + tap * channels
                for pair in 0..<channels / 2 {
                    pairs[pair * taps + tap] = UInt8(bitPattern: row[2 * pair] & 15 | row[2 * pair + 1] << 4)
                }
            }
        }
    }
}
