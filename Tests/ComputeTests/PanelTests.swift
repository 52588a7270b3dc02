import Compute
import Testing

@Suite struct PanelTests {
    /// What a precision may add to the error of 32-bit floats, relative to the largest result.
    static let tolerance: [WeightPrecision: Double] = [.fp32: 3e-5, .bf16: 6e-3, .int8: 2e-2, .int4: 1e-1]

    static let shapes: [(shape: Shape, outputs: Int, kernel: Int, stride: Int)] = [
        (Shape(n: 1, h: 1, w: 1, c: 16), 17, 1, 1),
        (Shape(n: 2, h: 5, w: 7, c: 8), 33, 3, 1),
        (Shape(n: 1, h: 9, w: 8, c: 20), 17, 3, 2),
        (Shape(n: 2, h: 13, w: 11, c: 64), 70, 1, 1),
        (Shape(n: 1, h: 8, w: 6, c: 12), 130, 1, 2),
        (Shape(n: 1, h: 6, w: 5, c: 600), 48, 3, 1),  // More than one block of a panel.
    ]

    @Test(arguments: KernelTable.available, WeightPrecision.allCases)
    func `A convolution with panels is the sum of its definition, within its precision`(
        table: String, precision: WeightPrecision
    ) throws {
        let bench = try Bench(table: table)
        for (shape, outputs, kernel, stride) in PanelTests.shapes {
            let padding = Padding(all: kernel / 2), bias = Bench.values(outputs, seed: 4)
            let x = Bench.values(shape.count), filters = Bench.values(outputs * shape.c * kernel * kernel, seed: 2)
            let sums = Reference.convolution(
                x, shape, filters, outputs: outputs, height: kernel, width: kernel, stride: stride, padding: padding)
            let residual = Bench.values(sums.count, seed: 5)
            let weight = ConvolutionWeight(
                outputsInputsHeightWidth: Constant(filters), outputs: outputs, inputs: shape.c, height: kernel,
                width: kernel)
            let result = bench.context.convolution(
                bench.context.tensor(shape, x), weight.packed(precision, stride: stride), bias: Constant(bias),
                stride: stride,
                padding: padding, residual: bench.context.tensor(resultShape(shape, outputs, kernel, stride), residual))
            let expected = sums.indices.map { sums[$0] + Double(bias[$0 % outputs]) + Double(residual[$0]) }
            let tolerance = PanelTests.tolerance[precision, default: 0]
            #expect(Bench.error(result.array(), expected) < tolerance, "\(shape) to \(outputs)")
        }
    }

    private func resultShape(_ shape: Shape, _ outputs: Int, _ kernel: Int, _ stride: Int) -> Shape {
        let extent = { (length: Int) in (length + kernel / 2 * 2 - kernel) / stride + 1 }
        return Shape(n: shape.n, h: extent(shape.h), w: extent(shape.w), c: outputs)
    }

    @Test(arguments: WeightPrecision.allCases)
    func `A product with panels has the same bits on any number of threads`(precision: WeightPrecision) throws {
        let shape = Shape(n: 2, h: 31, w: 17, c: 32)
        let weight = ConvolutionWeight(
            outputsInputsHeightWidth: Constant(Bench.values(96 * 32 * 9, seed: 2)), outputs: 96, inputs: 32, height: 3,
            width: 3
        ).packed(precision, stride: 1)
        let results = try [1, 2, 5].map { threads in
            let bench = try Bench(threads: threads)
            return bench.context.convolution(bench.tensor(shape), weight, padding: Padding(all: 1)).array()
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test func `A token's quantization is its own`() throws {
        let bench = try Bench()
        let weight = LinearWeight(Constant(Bench.values(8 * 16, seed: 2)), outputs: 8, inputs: 16).packed(.int8)
        let token = Bench.values(16), loud = Bench.values(16, seed: 3).map { 1000 * $0 }
        let alone = bench.context.linear(bench.context.tensor(Shape(batch: 1, tokens: 1, channels: 16), token), weight)
        let both = bench.context.linear(
            bench.context.tensor(Shape(batch: 1, tokens: 2, channels: 16), token + loud), weight)
        #expect(both.array().prefix(8) == alone.array()[...])
    }

    @Test func `Channels that are no whole groups stay in 32-bit floats`() throws {
        let bench = try Bench()
        let weight = LinearWeight(Constant(Bench.values(8 * 7, seed: 2)), outputs: 8, inputs: 7)
        let x = bench.tensor(Shape(batch: 1, tokens: 3, channels: 7))
        let expected = bench.context.linear(x, weight).array().map(Double.init)
        #expect(Bench.error(bench.context.linear(x, weight.packed(.int8)).array(), expected) < 1e-6)
    }

    @Test(arguments: WeightPrecision.allCases)
    func `A dry run takes the memory that the run takes`(precision: WeightPrecision) throws {
        let weight = LinearWeight(Constant(Bench.values(80 * 64, seed: 2)), outputs: 80, inputs: 64).packed(precision)
        let peaks = try [true, false].map { measuring in
            let bench = try Bench(measuring: measuring)
            let x = bench.context.tensor(Shape(batch: 1, tokens: 300, channels: 64), Bench.values(300 * 64))
            _ = bench.context.linear(x, weight)
            return bench.context.arena.peakBytes
        }
        #expect(peaks[0] == peaks[1])
    }
}
