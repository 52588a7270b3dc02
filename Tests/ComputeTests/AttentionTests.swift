import Compute
import Testing

@Suite struct AttentionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var queries: Int
        var keys: Int
        var heads: Int
        var depth: Int
        var causal = false
        var testDescription: String { "\(queries) x \(keys), \(heads) heads of \(depth)\(causal ? ", causal" : "")" }
    }

    static let cases = [
        Case(queries: 1, keys: 1, heads: 1, depth: 1), Case(queries: 5, keys: 77, heads: 2, depth: 40),
        Case(queries: 97, keys: 129, heads: 3, depth: 8), Case(queries: 200, keys: 300, heads: 1, depth: 160),
        Case(queries: 130, keys: 257, heads: 2, depth: 80), Case(queries: 64, keys: 64, heads: 2, depth: 64),
        Case(queries: 77, keys: 77, heads: 2, depth: 64, causal: true),
        Case(queries: 1, keys: 1, heads: 1, depth: 8, causal: true),
        Case(queries: 301, keys: 301, heads: 1, depth: 13, causal: true),
        Case(queries: 70, keys: 400, heads: 3, depth: 3),
    ]

    /// Data that are hard to round.
    enum Data: CaseIterable, Sendable {
        /// Nothing of note.
        case plain
        /// All keys share a large offset, all values a mean.
        case offset
        /// One channel of the keys is 20 times as large as the others, and that of the queries as small.
        case outlier
        /// A key has the same score for every query, often the largest or the smallest.
        case sink
    }

    /// The largest error, as a part of the largest magnitude. bf16 rounds by 2^-9 of a number's own size, so that an offset of the keys
    /// counts in full. Bytes round to 256 levels of a channel's range, or 128 where a table sums them in 16 bits: scores, whose
    /// standard deviation here is 1 to 5, are off by 0.02 to 0.1.
    static let tolerances: [WeightPrecision: Double] = [.fp32: 1e-5, .bf16: 0.05, .int8: 0.1]

    @Test(arguments: KernelTable.available, [WeightPrecision.fp32, .bf16, .int8])
    func `Attention in tiles is the softmax of its definition`(table: String, precision: WeightPrecision) throws {
        for data in Data.allCases {
            for attention in AttentionTests.cases {
                let error = try AttentionTests.error(attention, data, table: table, precision: precision)
                let tolerance = try #require(AttentionTests.tolerances[precision])
                #expect(error < tolerance, "\(attention), \(data)")
            }
        }
    }

    private static func error(
        _ attention: Case, _ data: Data, table: String, precision: WeightPrecision
    ) throws -> Double {
        let bench = try Bench(table: table)
        let channels = attention.heads * attention.depth
        let queries = Shape(batch: 2, tokens: attention.queries, channels: channels)
        let keys = Shape(batch: 2, tokens: attention.keys, channels: channels)
        var q = Bench.values(queries.count)
        var k = Bench.values(keys.count, seed: 2), v = Bench.values(keys.count, seed: 3)
        if data == .outlier {
            for index in q.indices where index % attention.depth == attention.depth / 2 { q[index] *= 0.05 }
        }
        for index in k.indices {
            let channel = index % channels, key = index / channels % attention.keys
            switch data {
            case .plain: break
            case .offset:
                k[index] += Float(channel % 7) * 3 - 9
                v[index] += Float(channel % 5) - 2
            case .outlier: k[index] *= channel % attention.depth == attention.depth / 2 ? 20 : 1
            case .sink: k[index] *= key == 3 ? 0 : 1
            }
        }
        let scale: Float = 0.3
        let result = bench.context.attention(
            q: bench.context.tensor(queries, q), k: bench.context.tensor(keys, k), v: bench.context.tensor(keys, v),
            heads: attention.heads, scale: scale, causal: attention.causal, precision: precision)
        let expected = Reference.attention(
            q: q, k: k, v: v, batch: 2, queries: attention.queries, keys: attention.keys, heads: attention.heads,
            depth: attention.depth, scale: Double(scale), causal: attention.causal)
        return Bench.error(result.array(), expected)
    }

    @Test(arguments: KernelTable.available, [WeightPrecision.fp32, .bf16, .int8])
    func `Scores of any magnitude give finite weights`(table: String, precision: WeightPrecision) throws {
        let bench = try Bench(table: table)
        let shape = Shape(batch: 1, tokens: 200, channels: 16)
        let x = bench.context.tensor(shape, Bench.values(shape.count).map { $0 * 1000 })
        let result = bench.context.attention(q: x, k: x, v: x, heads: 1, precision: precision)
        #expect(result.array().allSatisfy { $0.isFinite && abs($0) <= 2010 })
    }

    @Test(arguments: KernelTable.available, [WeightPrecision.fp32, .bf16, .int8])
    func `Constant channels and empty queries are attended to exactly`(table: String, precision: WeightPrecision) throws
    {
        let bench = try Bench(table: table)
        let shape = Shape(batch: 1, tokens: 100, channels: 16)
        let zero = bench.context.tensor(shape, [Float](repeating: 0, count: shape.count))
        let two = bench.context.tensor(shape, [Float](repeating: 2, count: shape.count))
        for q in [zero, two] {
            let result = bench.context.attention(q: q, k: two, v: two, heads: 2, precision: precision)
            #expect(result.array().allSatisfy { abs($0 - 2) < 1e-5 })
        }
    }

    @Test(arguments: [WeightPrecision.fp32, .bf16, .int8])
    func `The result does not depend on the number of threads`(precision: WeightPrecision) throws {
        let shape = Shape(batch: 2, tokens: 300, channels: 80)
        let results = try [1, 2, 5].map { threads in
            let bench = try Bench(threads: threads)
            let x = bench.tensor(shape)
            return bench.context.attention(q: x, k: x, v: x, heads: 2, precision: precision).array()
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test(arguments: KernelTable.available, [WeightPrecision.fp32, .bf16, .int8])
    func `A dry run sees the memory that attention takes`(table: String, precision: WeightPrecision) throws {
        let peaks = try [true, false].map { measuring in
            let bench = try Bench(table: table, measuring: measuring)
            let x = bench.context.tensor(
                Shape(batch: 2, tokens: 200, channels: 40), measuring ? [] : Bench.values(16000))
            _ = bench.context.attention(q: x, k: x, v: x, heads: 5, precision: precision)
            return bench.context.arena.peakBytes
        }
        #expect(peaks[0] == peaks[1])
    }
}
