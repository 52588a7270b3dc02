import Compute
import Testing

@Suite struct ConvolutionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var shape: Shape
        var outputs: Int
        var kernel: (Int, Int) = (3, 3)
        var stride = 1
        var padding = Padding(all: 1)
        var testDescription: String { "\(shape) to \(outputs), \(kernel), stride \(stride), \(padding)" }
    }

    static let cases = [
        Case(shape: Shape(n: 1, h: 1, w: 1, c: 1), outputs: 1),
        Case(shape: Shape(n: 2, h: 5, w: 7, c: 3), outputs: 33),
        Case(shape: Shape(n: 1, h: 9, w: 8, c: 20), outputs: 17, stride: 2),
        Case(shape: Shape(n: 2, h: 8, w: 9, c: 4), outputs: 8, stride: 2, padding: Padding(right: 1, bottom: 1)),
        Case(shape: Shape(n: 2, h: 4, w: 6, c: 40), outputs: 24, kernel: (1, 1), padding: Padding()),
        Case(shape: Shape(n: 1, h: 6, w: 6, c: 5), outputs: 4, kernel: (1, 1), stride: 2, padding: Padding()),
        Case(shape: Shape(n: 1, h: 7, w: 5, c: 2), outputs: 3, kernel: (5, 2), padding: Padding(left: 2, top: 3)),
        Case(shape: Shape(n: 3, h: 43, w: 37, c: 4), outputs: 8),  // Strips that cross images, packed by each thread.
    ]

    @Test(arguments: KernelTable.available, cases)
    func `A convolution is the sum of its definition`(table: String, convolution: Case) throws {
        let bench = try Bench(table: table)
        let (shape, outputs) = (convolution.shape, convolution.outputs)
        let (height, width) = convolution.kernel
        let x = Bench.values(shape.count), filters = Bench.values(outputs * shape.c * height * width, seed: 2)
        let timeBias = Bench.values(shape.n * outputs, seed: 3), bias = Bench.values(outputs, seed: 4)
        let sums = Reference.convolution(
            x, shape, filters, outputs: outputs, height: height, width: width, stride: convolution.stride,
            padding: convolution.padding)
        let residual = Bench.values(sums.count, seed: 5), pixels = sums.count / shape.n / outputs
        let expected = sums.indices.map {
            let added = Double(bias[$0 % outputs]) + Double(timeBias[$0 / pixels / outputs * outputs + $0 % outputs])
            return Reference.activate(sums[$0] + added + Double(residual[$0]), .silu)
        }
        let weight = ConvolutionWeight(
            outputsInputsHeightWidth: Constant(filters), outputs: outputs, inputs: shape.c, height: height, width: width
        )
        let plain = bench.context.convolution(
            bench.context.tensor(shape, x), weight, stride: convolution.stride, padding: convolution.padding)
        #expect(Bench.error(plain.array(), sums) < 1e-6)
        let fused = bench.context.convolution(
            bench.context.tensor(shape, x), weight, bias: Constant(bias), stride: convolution.stride,
            padding: convolution.padding,
            timeBias: bench.context.tensor(Shape(n: shape.n, h: 1, w: 1, c: outputs), timeBias),
            residual: bench.context.tensor(plain.shape, residual), activation: .silu)
        #expect(Bench.error(fused.array(), expected) < 2e-6)
    }

    @Test(arguments: [(8, 12), (7, 11), (4, 6), (13, 5)])
    func `An enlarged convolution equals enlarging and then convolving`(height: Int, width: Int) throws {
        let bench = try Bench()
        let x = bench.tensor(Shape(n: 2, h: 4, w: 6, c: 5))
        let weight = ConvolutionWeight(
            outputsInputsHeightWidth: Constant(Bench.values(7 * 5 * 9, seed: 2)), outputs: 7, inputs: 5, height: 3,
            width: 3)
        let fused = bench.context.convolution(x, weight, padding: Padding(all: 1), upsampledTo: (height, width))
        let image = bench.context.upsampleNearest(x, height: height, width: width)
        let plain = bench.context.convolution(image, weight, padding: Padding(all: 1))
        #expect(fused.shape == plain.shape)
        #expect(fused.array() == plain.array())
    }
}
