import Compute
import Testing

@Suite struct ArenaTests {
    /// A sequence with holes, joins and a late large block.
    private func run(_ context: Context) {
        let a = context.tensor(Shape(n: 1, h: 3, w: 5, c: 7))
        var b: Tensor? = context.tensor(Shape(n: 2, h: 9, w: 1, c: 11))
        let c = context.tensor(Shape(n: 1, h: 1, w: 1, c: 1))
        b = nil
        let d = context.tensor(Shape(n: 1, h: 2, w: 2, c: 4))
        let e = context.tensor(Shape(n: 1, h: 100, w: 1, c: 3))
        withExtendedLifetime((a, b, c, d, e)) {}
    }

    @Test func `A measuring arena and a real one of the measured size reach the same peak`() throws {
        let pool = try ThreadPool(threads: 1)
        let measuring = try Context(arena: Arena(), pool: pool)
        run(measuring)
        let real = try Context(arena: Arena(capacity: measuring.arena.peakBytes), pool: pool)
        run(real)
        #expect(measuring.arena.peakBytes > 0)
        #expect(real.arena.peakBytes == measuring.arena.peakBytes)
        #expect(real.arena.usedBytes == 0)
        #expect(measuring.arena.usedBytes == 0)
    }

    @Test func `Released blocks are used again`() throws {
        let context = try Context(arena: Arena(), pool: ThreadPool(threads: 1))
        for _ in 0..<10 { _ = context.tensor(Shape(n: 1, h: 8, w: 8, c: 4)) }
        #expect(context.arena.peakBytes == 1024)
    }
}
