/// latentd's own noise: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) through the
/// inverse of the normal distribution.
///
/// Number `i` of draw `d` depends on the seed, `d` and `i` alone, and is computed with exactly rounded operations only, so
/// that it has the same bits on every CPU, in any order and on any number of threads.
struct PhiloxSource {
    private var key: SIMD2<UInt32>
    private var draw: UInt32 = 0

    init(seed: UInt64) { key = [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)] }

    mutating func normals(_ count: Int) -> [Float] {
        defer { draw &+= 1 }
        var values: [Float] = []
        values.reserveCapacity(count + 1)
        for block in 0..<UInt64((count + 1) / 2) {
            let counter = SIMD4(UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), draw, 0)
            let words = PhiloxSource.block(counter, key)
            for pair in [(words.x, words.y), (words.z, words.w)] {
                let bits = UInt64(pair.1) << 32 | UInt64(pair.0)
                // The middle of one of 2^53 equal parts of (0, 1).
                let uniform = (Double(bits >> 11) + 0.5) * 0x1p-53
                values.append(Float(NormalQuantile.value(at: uniform)))
            }
        }
        values.removeLast(values.count - count)
        return values
    }

    /// Ten rounds over one counter.
    static func block(_ counter: SIMD4<UInt32>, _ key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var counter = counter, key = key
        for round in 0..<10 {
            if round > 0 { key &+= [0x9E37_79B9, 0xBB67_AE85] }
            let first = counter.x.multipliedFullWidth(by: 0xD251_1F53)
            let second = counter.z.multipliedFullWidth(by: 0xCD9E_8D57)
            counter = [second.high ^ counter.y ^ key.x, second.low, first.high ^ counter.w ^ key.y, first.low]
        }
        return counter
    }
}

extension PhiloxSource: Archived {
    init() { self.init(seed: 0) }

    mutating func archive(_ archive: inout Archive) {
        archive(&key.x)
        archive(&key.y)
        archive(&draw)
    }
}
