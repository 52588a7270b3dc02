import Compute
import Testing

/// 3x3 convolutions of stride 1 with enough channels, which are computed by Winograd's products where weights are 32-bit floats.
@Suite struct WinogradTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var shape: Shape
        var outputs: Int
        var padding = Padding(all: 1)
        var testDescription: String { "\(shape) to \(outputs), \(padding)" }
    }

    static let cases = [
        Case(shape: Shape(n: 1, h: 1, w: 1, c: 16), outputs: 1),
        Case(shape: Shape(n: 2, h: 5, w: 7, c: 17), outputs: 33),  // Tiles that hang over, part of a vector.
        Case(shape: Shape(n: 1, h: 6, w: 70, c: 16), outputs: 65),  // Several runs a row, a second panel.
        Case(shape: Shape(n: 2, h: 9, w: 8, c: 20), outputs: 3, padding: Padding(left: 2, bottom: 1)),
        Case(shape: Shape(n: 3, h: 16, w: 20, c: 24), outputs: 70, padding: Padding()),
        Case(shape: Shape(n: 2, h: 33, w: 30, c: 260), outputs: 80),  // Many channels: several units of a group.
    ]

    @Test(arguments: KernelTable.available, cases)
    func `A Winograd convolution is the sum of its definition`(table: String, convolution: Case) throws {
        let bench = try Bench(table: table)
        let (shape, outputs) = (convolution.shape, convolution.outputs)
        let x = Bench.values(shape.count), filters = Bench.values(outputs * shape.c * 9, seed: 2)
        let timeBias = Bench.values(shape.n * outputs, seed: 3), bias = Bench.values(outputs, seed: 4)
        let sums = Reference.convolution(
            x, shape, filters, outputs: outputs, height: 3, width: 3, stride: 1, padding: convolution.padding)
        let residual = Bench.values(sums.count, seed: 5), pixels = sums.count / shape.n / outputs
        let expected = sums.indices.map {
            let added = Double(bias[$0 % outputs]) + Double(timeBias[$0 / pixels / outputs * outputs + $0 % outputs])
            return Reference.activate(sums[$0] + added + Double(residual[$0]), .silu)
        }
        let weight = WinogradTests.weight(filters, outputs: outputs, inputs: shape.c)
        let plain = bench.context.convolution(bench.context.tensor(shape, x), weight, padding: convolution.padding)
        #expect(Bench.error(plain.array(), sums) < 3e-5)
        let fused = bench.context.convolution(
            bench.context.tensor(shape, x), weight, bias: Constant(bias), padding: convolution.padding,
            timeBias: bench.context.tensor(Shape(n: shape.n, h: 1, w: 1, c: outputs), timeBias),
            residual: bench.context.tensor(plain.shape, residual), activation: .silu)
        #expect(Bench.error(fused.array(), expected) < 3e-5)
    }

    @Test(arguments: [(8, 12), (7, 11), (13, 5)])
    func `An enlarged Winograd convolution equals enlarging and then convolving`(height: Int, width: Int) throws {
        let bench = try Bench()
        let x = bench.tensor(Shape(n: 2, h: 4, w: 6, c: 18))
        let weight = WinogradTests.weight(Bench.values(7 * 18 * 9, seed: 2), outputs: 7, inputs: 18)
        let fused = bench.context.convolution(x, weight, padding: Padding(all: 1), upsampledTo: (height, width))
        let image = bench.context.upsampleNearest(x, height: height, width: width)
        #expect(fused.array() == bench.context.convolution(image, weight, padding: Padding(all: 1)).array())
    }

    @Test(arguments: [32, 272])
    func `A Winograd convolution has the same bits on any number of threads`(inputs: Int) throws {
        let weight = WinogradTests.weight(Bench.values(96 * inputs * 9, seed: 2), outputs: 96, inputs: inputs)
        let results = try [1, 2, 5].map { threads in
            let bench = try Bench(threads: threads)
            return bench.context.convolution(
                bench.tensor(Shape(n: 2, h: 31, w: 37, c: inputs)), weight, padding: Padding(all: 1)
            ).array()
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test(arguments: [32, 272])
    func `A dry run of a Winograd convolution takes the memory that the run takes`(inputs: Int) throws {
        let weight = WinogradTests.weight(Bench.values(80 * inputs * 9, seed: 2), outputs: 80, inputs: inputs)
        let peaks = try [true, false].map { measuring in
            let bench = try Bench(measuring: measuring)
            let shape = Shape(n: 1, h: 30, w: 19, c: inputs)
            _ = bench.context.convolution(
                bench.context.tensor(shape, Bench.values(shape.count)), weight, padding: Padding(all: 1))
            return bench.context.arena.peakBytes
        }
        #expect(peaks[0] == peaks[1])
    }

    private static func weight(_ filters: [Float], outputs: Int, inputs: Int) -> ConvolutionWeight {
        ConvolutionWeight(
            outputsInputsHeightWidth: Constant(filters), outputs: outputs, inputs: inputs, height: 3, width: 3
        ).packed(.fp32, stride: 1)
    }
}
