import CKernels

/// Rounds floats to integers and a scale: the one definition of both integer formats, for panels and for files.
///
/// Weights that went through a file come back as they were: quantizing what `integer * scale` gives finds the same integers and the
/// same scale.
public struct Quantizer: Sendable {
    /// Elements of a row that share a scale at 4 bits.
    public static let groupSize = Int(KERNELS_GROUP)
    /// The largest magnitude of an integer of 4 bits.
    public static let largest4: Float = 7

    let table: kernels

    /// A quantizer with the best kernels of this CPU, whatever table computes: prepared weights depend on the host alone.
    public init() {
        var table = kernels()
        kernels_init(&table, nil)
        self.table = table
    }

    /// The scale of a row's 8-bit integers: that of a file, `stored`, where they fit the product kernels (see
    /// `kernels_weight_scale`), else the least that makes them fit.
    ///
    /// ## Easy to get wrong
    /// A new scale has 17 significant bits, so that every multiple of it up to 127 is a float without rounding. With all 24, the
    /// largest weight divided by 127 would now and then be the scale's neighbour.
    static func scale8(
        _ row: UnsafePointer<Float>, taps: Int, channels: Int, stored: Float? = nil
    ) -> Float {
        let least = kernels_weight_scale(row, taps, channels)
        // Integers may sum to 258 where what they were rounded from sums to 256.
        if let stored, least <= stored * (258 / 256) { return stored }
        return Float(bitPattern: (max(.leastNormalMagnitude, least).bitPattern + 64) & ~127)
    }

    /// Rounds a row of floats to `-127 ... 127` and returns their scale.
    ///
    /// - Parameter stored: the scale that a file has for the row.
    public func quantize8(
        _ row: UnsafePointer<Float>, taps: Int, channels: Int, stored: Float? = nil,
        into target: UnsafeMutablePointer<Int8>
    ) -> Float {
        let count = taps * channels, scale = Quantizer.scale8(row, taps: taps, channels: channels, stored: stored)
        target.withMemoryRebound(to: UInt8.self, capacity: count) { bytes in
            table.quantize(bytes, row, count, 1 / scale, 128, 255)
            for index in 0..<count { bytes[index] ^= 0x80 }  // From 128 + w to w in two's complement.
        }
        return scale
    }

    /// Rounds groups of `groupSize` floats to `-7 ... 7`, and writes a scale, in float16, for each (see
    /// `kernels_group_scale`).
    ///
    /// - Precondition: `count` is a multiple of `groupSize`.
    public func quantize4(
        _ source: UnsafePointer<Float>, count: Int, into target: UnsafeMutablePointer<Int8>,
        scales: UnsafeMutablePointer<UInt16>
    ) {
        let groups = count / Quantizer.groupSize
        withUnsafeTemporaryAllocation(of: Float.self, capacity: groups) { exact in
            guard let wide = exact.baseAddress else { return }
            for group in 0..<groups {
                wide[group] = kernels_group_scale(source + group * Quantizer.groupSize)
            }
            table.f32_to_f16(scales, wide, groups)
            table.f16_to_f32(wide, scales, groups)
            for group in 0..<groups {
                let start = group * Quantizer.groupSize
                (target + start).withMemoryRebound(to: UInt8.self, capacity: Quantizer.groupSize) { bytes in
                    table.quantize(bytes, source + start, Quantizer.groupSize, 1 / wide[group], 8, 15)
                    for index in 0..<Quantizer.groupSize { bytes[index] = max(bytes[index], 1) &- 8 }
                }
            }
        }
    }
}
