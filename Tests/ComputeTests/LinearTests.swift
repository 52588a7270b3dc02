import Compute
import Testing

@Suite struct LinearTests {
    @Test(arguments: KernelTable.available, [(1, 1, 1), (1, 320, 7), (77, 33, 65), (130, 17, 700), (600, 64, 96)])
    func `A linear layer is the product, bias, residual and activation of its definition`(
        table: String, size: (rows: Int, inputs: Int, outputs: Int)
    ) throws {
        let bench = try Bench(table: table)
        let (rows, inputs, outputs) = size
        let x = Bench.values(rows * inputs), weight = Bench.values(outputs * inputs, seed: 2)
        let bias = Bench.values(outputs, seed: 3), residual = Bench.values(rows * outputs, seed: 4)
        let product = Reference.linear(x, weight, rows: rows, inputs: inputs, outputs: outputs)
        for activation in Activation.allCases {
            let expected = product.indices.map {
                Reference.activate(product[$0] + Double(bias[$0 % outputs]) + Double(residual[$0]), activation)
            }
            let result = bench.context.linear(
                bench.context.tensor(Shape(batch: 1, tokens: rows, channels: inputs), x),
                LinearWeight(Constant(weight), outputs: outputs, inputs: inputs), bias: Constant(bias),
                residual: bench.context.tensor(Shape(batch: 1, tokens: rows, channels: outputs), residual),
                activation: activation)
            // A tanh of sums around 60 shows the error of the sum against results of 1.
            #expect(Bench.error(result.array(), expected) < (activation == .tanh ? 1e-5 : 2e-6), "\(activation)")
        }
    }

    @Test func `Rows of a table are looked up by index`() throws {
        let bench = try Bench()
        let table = LookupTable(Constant([0, 1, 2, 3, 4, 5]), rows: 3, columns: 2)
        #expect(bench.context.rows([2, 0, 2], of: table).array() == [4, 5, 0, 1, 4, 5])
    }
}
