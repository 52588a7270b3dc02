import Compute

/// Whether stored numbers are finite: neither infinities nor NaNs. Weights that hold others are damaged, and once they are rounded to
/// integers nobody could see it any more.
///
/// A number is not finite when all bits of its exponent are set: read as an integer without its sign, it is then at least an infinity.
/// The check takes an `and`, an addition and an `or` for a vector of numbers, and so runs as fast as memory is read.
public enum FiniteNumbers {
    /// The bytes that a thread checks at a time, part of a second-level cache.
    private static let chunkBytes = 1 << 18

    /// Whether a tensor's numbers are all finite; integers always are.
    static func fill(_ entry: TensorEntry, roundedTo precision: WeightPrecision = .fp32, pool: ThreadPool? = nil)
        -> Bool
    {
        if let blocks = entry.format.blocks { return fill(entry, blocks, limit(precision), pool) }
        guard let type = entry.format.elementType else { return true }
        return entry.withBytes { fill($0, type, roundedTo: precision, pool: pool) }
    }

    private static func fill(_ entry: TensorEntry, _ blocks: BlockFormat, _ limit: UInt32, _ pool: ThreadPool?) -> Bool
    {
        let count = entry.count, chunk = chunkBytes / 4
        return all((count + chunk - 1) / chunk, pool) { index in
            let range = index * chunk..<min(count, (index + 1) * chunk)
            return withUnsafeTemporaryAllocation(of: Float.self, capacity: range.count) { floats in
                guard let start = floats.baseAddress else { return true }
                entry.withBytes { blocks.decode(range, of: $0, into: start) }
                return areFinite(UnsafeRawBufferPointer(floats), .float32, limit)
            }
        }
    }

    /// Whether all of the numbers are finite, checked in parallel where there is a pool.
    ///
    /// - Parameter precision: what they will be rounded to, which has to leave them finite.
    public static func fill(
        _ bytes: UnsafeRawBufferPointer, _ type: ElementType, roundedTo precision: WeightPrecision = .fp32,
        pool: ThreadPool? = nil
    ) -> Bool {
        let limit = limit(precision)
        return all((bytes.count + chunkBytes - 1) / chunkBytes, pool) { index in
            let end = min(bytes.count, (index + 1) * chunkBytes)
            return areFinite(UnsafeRawBufferPointer(rebasing: bytes[index * chunkBytes..<end]), type, limit)
        }
    }

    /// Whether all chunks are finite, checked in parallel where there is a pool.
    private static func all(_ chunks: Int, _ pool: ThreadPool?, _ isFinite: (Int) -> Bool) -> Bool {
        guard let pool, chunks > 1 else { return (0..<chunks).allSatisfy(isFinite) }
        return withUnsafeTemporaryAllocation(of: Bool.self, capacity: chunks) { results in
            guard let start = results.baseAddress else { return true }
            start.initialize(repeating: true, count: chunks)
            pool.parallelFor(chunks) { start[$0] = isFinite($0) }
            return results.allSatisfy { $0 }
        }
    }

    /// Whether all of the floats are finite.
    public static func fill(_ floats: [Float]) -> Bool {
        floats.withUnsafeBytes { areFinite($0, .float32, limit(.fp32)) }
    }

    /// The least number that a precision has no room for, as the bits of a float: it rounds to an infinite bfloat16, or to 4-bit
    /// integers whose scale, a float16, is infinite.
    private static func limit(_ precision: WeightPrecision) -> UInt32 {
        switch precision {
        case .fp32, .int8: Float.infinity.bitPattern
        case .bf16: 0x7F7F_8000
        case .int4: (Quantizer.largest4 * 65504).bitPattern
        }
    }

    private static func areFinite(_ bytes: UnsafeRawBufferPointer, _ type: ElementType, _ limit: UInt32) -> Bool {
        switch type {
        case .float32: areBelow(limit, bytes)
        // Two to a word: neither carries into the other.
        case .float16: areBelow(0x7C00_7C00, bytes, bits: 16)
        case .bfloat16: areBelow((limit + 0xFFFF) &>> 16 &* 0x1_0001, bytes, bits: 16)
        default: true
        }
    }

    /// Whether all floats without their signs are less than `limit`, as integers. Then adding the distance from `limit` to the sign bit
    /// sets that bit in none of them.
    ///
    /// - Parameter bits: of a float; where they are 16, `limit` is two of them.
    private static func areBelow(_ limit: UInt32, _ bytes: UnsafeRawBufferPointer, bits: Int = 32) -> Bool {
        let signs: UInt32 = bits == 32 ? 0x8000_0000 : 0x8000_8000, lack = signs - limit
        var found = SIMD16<UInt32>(repeating: 0), index = 0
        let masks = SIMD16(repeating: ~signs), lacks = SIMD16(repeating: lack)
        while index + 64 <= bytes.count {
            found |= (bytes.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt32>.self) & masks) &+ lacks
            index += 64
        }
        var all = (0..<16).reduce(0 as UInt32) { $0 | found[$1] }
        while index + 2 <= bytes.count {
            let isWhole = index + 4 <= bytes.count
            let word =
                isWhole
                ? bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
                : UInt32(bytes.loadUnaligned(fromByteOffset: index, as: UInt16.self))
            all |= (word & ~signs) &+ lack
            index += 4
        }
        return all & signs == 0
    }
}
