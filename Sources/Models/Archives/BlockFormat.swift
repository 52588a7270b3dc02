/// The formats in which GGUF files store numbers in a few bits: blocks of elements that share scales.
///
/// ```
/// Q4_0 Q5_0 Q8_0    d: f16; integers of 4, 5, 8 bits                         d * q
/// Q4_1 Q5_1         d, m: f16; integers of 4, 5 bits                         d * q + m
/// Q3_K Q6_K         16 scales of 6, 8 bits for 16 elements each; d: f16      (d * scale) * q
/// Q2_K Q4_K Q5_K    scales and minima of 4 or 6 bits for 16 or 32 elements each; d, dmin: f16      (d * scale) * q - (dmin * minimum)
/// ```
/// Decoding gives the same bits as the reference, `dequantize` of the Python package gguf: every operation is one of 32-bit floats, in the
/// order of the formulas, and none is fused with another.
public enum BlockFormat: String, Hashable, Sendable, CaseIterable {
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2_k = "Q2_K"
    case q3_k = "Q3_K"
    case q4_k = "Q4_K"
    case q5_k = "Q5_K"
    case q6_k = "Q6_K"

    /// Elements of a block.
    public var elementCount: Int {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0: 32
        case .q2_k, .q3_k, .q4_k, .q5_k, .q6_k: 256
        }
    }

    /// Bytes of a block.
    public var byteCount: Int {
        switch self {
        case .q4_0: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q2_k: 84
        case .q3_k: 110
        case .q4_k: 144
        case .q5_k: 176
        case .q6_k: 210
        }
    }

    /// Writes some of the elements of `bytes` as floats; the range may begin and end within blocks.
    ///
    /// - Precondition: the bytes are whole blocks, which hold the range.
    func decode(_ range: Range<Int>, of bytes: UnsafeRawBufferPointer, into target: UnsafeMutablePointer<Float>) {
        guard !range.isEmpty, let start = bytes.baseAddress else { return }
        precondition(range.upperBound <= bytes.count / byteCount * elementCount, "the blocks do not hold \(range)")
        for block in range.lowerBound / elementCount...(range.upperBound - 1) / elementCount {
            let place = block * elementCount..<(block + 1) * elementCount, part = place.clamped(to: range)
            let source = start + block * byteCount, first = target + (part.lowerBound - range.lowerBound)
            if part == place {
                decode(source, into: first)
                continue
            }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: elementCount) { whole in
                guard let whole = whole.baseAddress else { return }
                decode(source, into: whole)
                first.update(from: whole + (part.lowerBound - place.lowerBound), count: part.count)
            }
        }
    }

    private func decode(_ block: UnsafeRawPointer, into target: UnsafeMutablePointer<Float>) {
        switch self {
        case .q4_0: Self.decodeSmall(block, bits: 4, hasMinimum: false, target)
        case .q4_1: Self.decodeSmall(block, bits: 4, hasMinimum: true, target)
        case .q5_0: Self.decodeSmall(block, bits: 5, hasMinimum: false, target)
        case .q5_1: Self.decodeSmall(block, bits: 5, hasMinimum: true, target)
        case .q8_0: Self.decode8(block, target)
        case .q2_k: Self.decode2K(block, target)
        case .q3_k: Self.decode3K(block, target)
        case .q4_k: Self.decode45K(block, bits: 4, target)
        case .q5_k: Self.decode45K(block, bits: 5, target)
        case .q6_k: Self.decode6K(block, target)
        }
    }

    /// 32 integers of 4 or 5 bits: the low nibbles of 16 bytes, then the high ones; fifth bits stand in a word before them.
    private static func decodeSmall(
        _ block: UnsafeRawPointer, bits: Int, hasMinimum: Bool, _ target: UnsafeMutablePointer<Float>
    ) {
        let d = half(block), minimum = hasMinimum ? half(block + 2) : 0
        var nibbles = block + (hasMinimum ? 4 : 2)
        var fifths: UInt32 = 0
        if bits == 5 {
            fifths = UInt32(littleEndian: nibbles.loadUnaligned(as: UInt32.self))
            nibbles += 4
        }
        let middle: Int32 = 1 << (bits - 1)
        for half in 0..<2 {
            let shift = Int32(4 * half), target = target + 16 * half, fifths = fifths >> UInt32(16 * half)
            for index in 0..<16 {
                let fifth = Int32(bitPattern: fifths >> UInt32(index) & 1)
                let integer = byte(nibbles, index) >> shift & 15 | fifth << 4
                target[index] = hasMinimum ? d * Float(integer) + minimum : d * Float(integer - middle)
            }
        }
    }

    /// 32 bytes in two's complement.
    private static func decode8(_ block: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
        let d = half(block)
        for index in 0..<32 { target[index] = d * Float(signedByte(block, 2 + index)) }
    }

    /// 16 bytes of a scale (low) and a minimum (high), 64 bytes of four integers each, d, dmin.
    private static func decode2K(_ block: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
        let d = half(block + 80), dmin = half(block + 82)
        for group in 0..<16 {
            let both = byte(block, group), scale = d * Float(both & 15), minimum = dmin * Float(both >> 4)
            let quarters = block + 16 + group / 8 * 32 + group % 2 * 16, shift = Int32(group % 8 / 2 * 2)
            for index in 0..<16 {
                target[group * 16 + index] = scale * Float(byte(quarters, index) >> shift & 3) - minimum
            }
        }
    }

    /// 32 bytes of third bits, 64 bytes of two bits, 12 bytes of scales, d. A third bit that is not set subtracts 4.
    private static func decode3K(_ block: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
        let d = half(block + 108), scales = block + 96
        for group in 0..<16 {
            let low = byte(scales, group % 8) >> (group < 8 ? 0 : 4) & 15
            let high = byte(scales, 8 + group % 4) >> Int32(group / 4 * 2) & 3
            let scale = d * Float((low | high << 4) - 32)
            let thirds = block + group % 2 * 16, thirdShift = Int32(group / 2)
            let quarters = block + 32 + group / 8 * 32 + group % 2 * 16, shift = Int32(group % 8 / 2 * 2)
            for index in 0..<16 {
                let third = byte(thirds, index) >> thirdShift & 1
                target[group * 16 + index] = scale * Float((byte(quarters, index) >> shift & 3) - (third ^ 1) << 2)
            }
        }
    }

    /// d, dmin, 12 bytes of scales and minima, for Q5_K 32 bytes of fifth bits, 128 bytes of nibbles.
    private static func decode45K(
        _ block: UnsafeRawPointer, bits: Int, _ target: UnsafeMutablePointer<Float>
    ) {
        let d = half(block), dmin = half(block + 2), scales = block + 4
        let fifths = block + 16, nibbles = block + (bits == 5 ? 48 : 16)
        for group in 0..<8 {
            let scale: Int32, minimum: Int32
            if group < 4 {
                scale = byte(scales, group) & 63
                minimum = byte(scales, group + 4) & 63
            } else {
                scale = byte(scales, group + 4) & 15 | byte(scales, group - 4) >> 2 & 48
                minimum = byte(scales, group + 4) >> 4 | byte(scales, group) >> 2 & 48
            }
            let factor = d * Float(scale), offset = dmin * Float(minimum)
            let source = nibbles + group / 2 * 32, shift = Int32(group % 2 * 4)
            for index in 0..<32 {
                var integer = byte(source, index) >> shift & 15
                if bits == 5 { integer |= (byte(fifths, index) >> Int32(group) & 1) << 4 }
                target[group * 32 + index] = factor * Float(integer) - offset
            }
        }
    }

    /// 128 bytes of four bits, 64 bytes of two bits, 16 scales in two's complement, d.
    private static func decode6K(_ block: UnsafeRawPointer, _ target: UnsafeMutablePointer<Float>) {
        let d = half(block + 208)
        for group in 0..<16 {
            let scale = d * Float(signedByte(block, 192 + group)), row = group / 2, start = group % 2 * 16
            let nibbles = block + row / 4 * 64 + row % 2 * 32 + start, shift = Int32(row % 4 / 2 * 4)
            let pairs = block + 128 + row / 4 * 32 + start, pairShift = Int32(row % 4 * 2)
            for index in 0..<16 {
                let low = byte(nibbles, index) >> shift & 15, high = byte(pairs, index) >> pairShift & 3
                target[group * 16 + index] = scale * Float((low | high << 4) - 32)
            }
        }
    }

    private static func byte(_ start: UnsafeRawPointer, _ index: Int) -> Int32 {
        Int32(start.load(fromByteOffset: index, as: UInt8.self))
    }

    private static func signedByte(_ start: UnsafeRawPointer, _ index: Int) -> Int8 {
        start.load(fromByteOffset: index, as: Int8.self)
    }

    /// A 16-bit float. As the upper bits of a 32-bit float it is 2^112 times too small.
    private static func half(_ start: UnsafeRawPointer) -> Float {
        let bits = UInt32(UInt16(littleEndian: start.loadUnaligned(as: UInt16.self)))
        let sign = (bits & 0x8000) << 16, magnitude = (bits & 0x7FFF) << 13
        guard bits & 0x7C00 != 0x7C00 else { return Float(bitPattern: sign | 0x7F80_0000 | magnitude) }
        return Float(bitPattern: sign | magnitude) * 0x1p112
    }
}
