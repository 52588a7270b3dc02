import Compute
import Testing

@Suite struct ElementwiseTests {
    @Test(arguments: KernelTable.available, Activation.allCases)
    func `Activations are good to a few units in the last place over all magnitudes`(
        table: String, activation: Activation
    ) throws {
        let bench = try Bench(table: table)
        var x = (-4000...4000).map { Float($0) / 400 }
        x += (-60...60).flatMap {
            [Float(sign: .plus, exponent: $0, significand: 1.37), -Float(sign: .plus, exponent: $0, significand: 1.2)]
        }
        x += [0, -0.0, 88.5, -88.5, 104, -104, .greatestFiniteMagnitude, -.greatestFiniteMagnitude]
        let tensor = bench.context.tensor(Shape(batch: 1, tokens: 1, channels: x.count), x)
        bench.context.apply(activation, to: tensor)
        for (value, result) in zip(x, tensor.array()) {
            let expected = Reference.activate(Double(value), activation)
            // What is left of a float's unit at 1, times the input, where a negative input cancels to nearly nothing.
            let tolerance = max(
                abs(expected) * 4e-7, abs(Double(value)) * (expected.magnitude < 1 ? 1.5e-7 : 0) * 0.5 + 1e-37)
            #expect(abs(Double(result) - expected) <= tolerance, "\(activation)(\(value)) = \(result), not \(expected)")
        }
    }

    @Test func `Sums, scales and copies do what they say`() throws {
        let context = try Bench().context
        let shape = Shape(n: 2, h: 1, w: 1, c: 3)
        let x = context.tensor(shape, [1, 2, 3, 4, 5, 6]), y = context.tensor(shape, [10, 20, 30, 40, 50, 60])
        #expect(context.add(x, y).array() == [11, 22, 33, 44, 55, 66])
        #expect(context.add(x, y.batch(1)).array() == [41, 52, 63, 44, 55, 66])
        let z = context.copy(x)
        context.accumulate(y, times: 0.5, into: z)
        #expect(z.array() == [6, 12, 18, 24, 30, 36])
        context.scale(z, by: 2, plus: 1)
        #expect(z.array() == [13, 25, 37, 49, 61, 73])
        #expect(x.array() == [1, 2, 3, 4, 5, 6])
    }
}
