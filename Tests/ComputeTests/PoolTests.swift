import Compute
import Synchronization
import Testing

@Suite struct PoolTests {
    @Test(arguments: [1, 2, 3, 8])
    func `Every index is run exactly once, loop after loop`(threads: Int) throws {
        let pool = try ThreadPool(threads: threads)
        for count in [0, 1, 2, 7, 1000] {
            for _ in 0..<50 {
                let counts = (0..<count).map { _ in Counter() }
                pool.parallelFor(count) { counts[$0].value.add(1, ordering: .relaxed) }
                #expect(counts.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
            }
        }
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    /// One operation of each kind, large enough to be cut into blocks.
    private func run(_ context: Context) -> [Float] {
        let x = context.tensor(Shape(n: 2, h: 50, w: 50, c: 64), context.isMeasuring ? [] : Bench.values(2 * 2500 * 64))
        let filters = Constant(Bench.values(96 * 64 * 9, seed: 2))
        let weight = ConvolutionWeight(outputsInputsHeightWidth: filters, outputs: 96, inputs: 64, height: 3, width: 3)
        var y = context.convolution(x, weight, stride: 2, padding: Padding(all: 1), activation: .silu)
        y = context.convolution(
            context.groupNorm(y, groups: 32, epsilon: 1e-5, weight: nil, bias: nil),
            ConvolutionWeight(
                outputsInputsHeightWidth: Constant(Bench.values(64 * 96 * 9)), outputs: 64, inputs: 96, height: 3,
                width: 3),
            padding: Padding(all: 1), upsampledTo: (height: 50, width: 50), residual: x)
        let square = LinearWeight(Constant(Bench.values(64 * 64, seed: 5)), outputs: 64, inputs: 64)
        let q = context.linear(context.layerNorm(y, epsilon: 1e-5, weight: nil, bias: nil), square)
        let z = context.attention(q: q, k: y, v: x, heads: 4)
        let joined = context.concatenateChannels(z, y)
        let layers = FeedForwardNumbers(channels: 128, hidden: 64).layers(.fp32)
        let result = context.feedForward(context.operand(joined, layers.form), layers, residual: joined)
        return context.isMeasuring ? [] : result.array()
    }

    @Test(arguments: KernelTable.available)
    func `The bits of a result do not depend on the thread count`(table: String) throws {
        let one = try run(Bench(table: table, threads: 1).context)
        for threads in [2, 3, 5] {
            #expect(try run(Bench(table: table, threads: threads).context) == one)
        }
    }

    @Test(arguments: [1, 2, 5])
    func `A dry run finds the peak of the real one to the byte`(threads: Int) throws {
        let dry = try Bench(threads: threads, measuring: true)
        _ = run(dry.context)
        let arena = try Arena(capacity: dry.context.arena.peakBytes)
        _ = try run(Context(arena: arena, pool: ThreadPool(threads: threads)))
        #expect(arena.peakBytes == dry.context.arena.peakBytes)
        #expect(arena.usedBytes == 0)
    }

    @Test func `An instruction set that does not exist is refused by name`() {
        #expect(throws: ComputeError.self) { try KernelTable(named: "mmx") }
    }

    @Test func `OpenBLAS runs the kernels that we chose`() throws {
        let table = try KernelTable.selected().name
        let core = try BLAS.shared().coreName
        if table.hasPrefix("avx512") { #expect(core == "SkylakeX") }
        if table == "avx2" { #expect(core == "Haswell") }
    }
}
