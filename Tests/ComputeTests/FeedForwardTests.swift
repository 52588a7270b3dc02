import Compute
import Testing

@Suite struct FeedForwardTests {
    @Test(arguments: KernelTable.available, WeightPrecision.allCases)
    func `A gated feed-forward is its two layers and the gate between, with the same bits for many rows and for few`(
        table: String, precision: WeightPrecision
    ) throws {
        // The last panel is not full, and the rows are enough to be passed through both layers some at a time.
        let context = try Bench(table: table).context, numbers = FeedForwardNumbers(channels: 32, hidden: 80)
        let layers = numbers.layers(precision), rows = 800, x = Bench.values(rows * 32)
        func run(_ rows: Int) -> [Float] {
            let x = context.tensor(Shape(batch: 1, tokens: rows, channels: 32), Array(x.prefix(rows * 32)))
            return context.feedForward(context.operand(x, layers.form), layers, residual: x).array()
        }
        let many = run(rows)
        // Each layer rounds what it reads.
        #expect(Bench.error(many, numbers.expected(x)) < 2 * PanelTests.tolerance[precision, default: 0])
        #expect(Array(many.prefix(7 * 32)) == run(7))
    }
}

/// The weights of a gated feed-forward as a checkpoint has them.
struct FeedForwardNumbers {
    let channels: Int, hidden: Int
    private let gate: [Float], gateBias: [Float], out: [Float], outBias: [Float]

    init(channels: Int, hidden: Int) {
        (self.channels, self.hidden) = (channels, hidden)
        gate = Bench.values(2 * hidden * channels, seed: 2)
        gateBias = Bench.values(2 * hidden, seed: 3)
        out = Bench.values(channels * hidden, seed: 4)
        outBias = Bench.values(channels, seed: 5)
    }

    func layers(_ precision: WeightPrecision) -> GatedFeedForward {
        let order = (0..<2 * hidden).map { GatedFeedForward.interleaved($0, hidden: hidden) }
        let gateRows = order.flatMap { gate[$0 * channels..<($0 + 1) * channels] }
        return GatedFeedForward(
            gate: LinearWeight(Constant(gateRows), outputs: 2 * hidden, inputs: channels).packed(precision),
            gateBias: Constant(order.map { gateBias[$0] }),
            out: LinearWeight(Constant(out), outputs: channels, inputs: hidden).packed(precision),
            outBias: Constant(outBias))
    }

    /// `x + out(values * gelu(gates))` with `[values, gates] = gate(x)`.
    func expected(_ x: [Float]) -> [Double] {
        let rows = x.count / channels
        let first = Reference.linear(x, gate, rows: rows, inputs: channels, outputs: 2 * hidden)
        let middle = (0..<rows * hidden).map { index in
            let row = index / hidden * 2 * hidden, column = index % hidden
            let value = first[row + column] + Double(gateBias[column])
            let gate = first[row + hidden + column] + Double(gateBias[hidden + column])
            return Float(value * Reference.activate(gate, .gelu))
        }
        let second = Reference.linear(middle, out, rows: rows, inputs: hidden, outputs: channels)
        return second.indices.map { second[$0] + Double(outBias[$0 % channels]) + Double(x[$0]) }
    }
}
