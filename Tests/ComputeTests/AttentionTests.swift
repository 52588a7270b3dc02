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
    ]

    @Test(arguments: KernelTable.available, cases)
    func `Attention in tiles is the softmax of its definition`(table: String, attention: Case) throws {
        let bench = try Bench(table: table)
        let channels = attention.heads * attention.depth
        let queries = Shape(batch: 2, tokens: attention.queries, channels: channels)
        let keys = Shape(batch: 2, tokens: attention.keys, channels: channels)
        let q = Bench.values(queries.count), k = Bench.values(keys.count, seed: 2),
            v = Bench.values(keys.count, seed: 3)
        let result = bench.context.attention(
            q: bench.context.tensor(queries, q), k: bench.context.tensor(keys, k), v: bench.context.tensor(keys, v),
            heads: attention.heads, scale: 0.3, causal: attention.causal)
        let expected = Reference.attention(
            q: q, k: k, v: v, batch: 2, queries: attention.queries, keys: attention.keys, heads: attention.heads,
            depth: attention.depth, scale: Double(Float(0.3)), causal: attention.causal)
        #expect(Bench.error(result.array(), expected) < 5e-6)
    }

    @Test(arguments: KernelTable.available)
    func `Scores of any magnitude give finite weights`(table: String) throws {
        let bench = try Bench(table: table)
        let shape = Shape(batch: 1, tokens: 200, channels: 16)
        let x = bench.context.tensor(shape, Bench.values(shape.count).map { $0 * 1000 })
        let result = bench.context.attention(q: x, k: x, v: x, heads: 1)
        #expect(result.array().allSatisfy { $0.isFinite && abs($0) <= 2000 })
    }
}
