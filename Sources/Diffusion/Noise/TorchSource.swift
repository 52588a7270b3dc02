import Glibc

/// The numbers of `torch.randn` with a CPU generator, to a few units in the last place (torch's vector math rounds its own way).
///
/// Source: `aten/src/ATen/native/cpu/DistributionTemplates.h` and `core/DistributionsHelper.h` of PyTorch.
///
/// ## Easy to get wrong
/// - Sixteen numbers and more: uniform floats of 24 bits fill the tensor, then each 16 become normal together, the first
///   eight radii, the last eight angles. A remainder takes fresh uniforms for the last sixteen elements, some of which
///   are overwritten.
/// - Fewer: doubles of 53 bits, one pair at a time; the second number of a pair waits for the next such draw.
struct TorchSource {
    private var engine: MersenneTwister
    private var waiting: Double?

    init(seed: UInt64) { engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed)) }

    mutating func normals(_ count: Int) -> [Float] {
        guard count >= 16 else { return (0..<count).map { _ in Float(single()) } }
        var values = (0..<count).map { _ in uniform() }
        for start in stride(from: 0, through: count - 16, by: 16) { TorchSource.transform(&values, start) }
        if count % 16 != 0 {
            for index in count - 16..<count { values[index] = uniform() }
            TorchSource.transform(&values, count - 16)
        }
        return values
    }

    private mutating func uniform() -> Float { Float(engine.next() & 0xFF_FFFF) * 0x1p-24 }

    private mutating func single() -> Double {
        if let value = waiting {
            waiting = nil
            return value
        }
        let first = Double(engine.next64() & (1 << 53 - 1)) * 0x1p-53
        let second = Double(engine.next64() & (1 << 53 - 1)) * 0x1p-53
        let radius = (-2 * log1p(-second)).squareRoot()
        let angle = 2 * Double.pi * first
        waiting = radius * sin(angle)
        return radius * cos(angle)
    }

    /// Box and Muller over sixteen uniforms in place.
    private static func transform(_ values: inout [Float], _ start: Int) {
        for index in start..<start + 8 {
            let radius = (-2 * log(1 - values[index])).squareRoot()
            let angle = 2 * Float.pi * values[index + 8]
            values[index] = radius * cos(angle)
            values[index + 8] = radius * sin(angle)
        }
    }
}

extension TorchSource: Archived {
    init() { self.init(seed: 0) }

    mutating func archive(_ archive: inout Archive) {
        archive(&engine)
        archive(&waiting)
    }
}
