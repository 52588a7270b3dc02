import Compute

/// A context with room, and numbers that look random and are always the same.
struct Bench {
    let context: Context

    init(table: String? = nil, threads: Int = 2, measuring: Bool = false) throws {
        let arena = measuring ? Arena() : try Arena(capacity: 256 << 20)
        context = try Context(
            arena: arena, pool: ThreadPool(threads: threads), table: try table.map { try KernelTable(named: $0) })
    }

    /// Values between -2 and 2.
    static func values(_ count: Int, seed: UInt64 = 1) -> [Float] {
        var state = seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 30)
        }
    }

    func tensor(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
        context.tensor(shape, Bench.values(shape.count, seed: seed))
    }

    /// The largest difference, relative to the largest expected magnitude.
    static func error(_ actual: [Float], _ expected: [Double]) -> Double {
        guard actual.count == expected.count else { return .infinity }
        let magnitude = expected.reduce(1e-30) { max($0, abs($1)) }
        return zip(actual, expected).reduce(0) {
            let difference = abs(Double($1.0) - $1.1) / magnitude
            return difference.isNaN ? .infinity : max($0, difference)
        }
    }
}
