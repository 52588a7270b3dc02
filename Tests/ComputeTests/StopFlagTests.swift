import Compute
import Synchronization
import Testing

@Suite struct StopFlagTests {
    private struct First: Error {}
    private struct Second: Error {}

    @Test func `The first reason counts, and a flag stays raised`() {
        let flag = StopFlag()
        #expect(!flag.isRaised && flag.reason == nil)
        flag.raise(First())
        flag.raise(Second())
        #expect(flag.isRaised && flag.reason is First)
    }

    @Test(arguments: [1, 2, 4])
    func `A loop begins no further item once its flag is raised, and the next loop without it runs whole`(threads: Int)
        throws
    {
        let pool = try ThreadPool(threads: threads)
        for count in [1, 40, 10_000] {
            let flag = StopFlag(), begun = Atomic(0)
            pool.stop = flag
            pool.parallelFor(count) { _ in
                if begun.add(1, ordering: .relaxed).newValue == 20 { flag.raise(First()) }
            }
            let number = begun.load(ordering: .relaxed)
            #expect(number >= min(count, 20) && number < 20 + 10 * threads + (count < 20 ? 0 : 1000))
            if count >= 20 {
                pool.parallelFor(count) { _ in begun.add(1, ordering: .relaxed) }
                #expect(begun.load(ordering: .relaxed) == number, "a loop that begins later does nothing")
            }
            pool.stop = nil
            pool.parallelFor(100) { _ in begun.add(1, ordering: .relaxed) }
            #expect(begun.load(ordering: .relaxed) == number + 100)
        }
    }

    @Test(arguments: [false, true])
    func `A context that stopped takes the same memory and computes nothing`(byFlag: Bool) throws {
        let pool = try ThreadPool(threads: 2)
        func run(_ context: Context) -> Tensor {
            let x = context.tensor(Shape(n: 1, h: 20, w: 20, c: 32), Bench.values(20 * 20 * 32))
            let square = LinearWeight(Constant(Bench.values(32 * 32, seed: 2)), outputs: 32, inputs: 32)
            let y = context.groupNorm(context.linear(x, square), groups: 4, epsilon: 1e-5, weight: nil, bias: nil)
            return context.attention(q: y, k: x, v: context.linear(y, square), heads: 2)
        }
        let whole = try Context(arena: Arena(capacity: 8 << 20), pool: pool)
        let expected = run(whole).array()
        #expect(!whole.isStopped && expected.contains { $0 != 0 })

        let flag = StopFlag()
        pool.stop = flag
        let stopped = try Context(arena: Arena(capacity: 8 << 20), pool: pool)
        if byFlag { flag.raise(First()) } else { stopped.giveUp() }
        #expect(stopped.isStopped && stopped.isMeasuring)
        let result = run(stopped)
        // Fresh memory is zeros.
        #expect(result.array().allSatisfy { $0 == 0 })
        #expect(stopped.arena.peakBytes == whole.arena.peakBytes)
        pool.stop = nil
        let again = try Context(arena: Arena(capacity: 8 << 20), pool: pool)
        #expect(run(again).array() == expected)
    }
}
