import Compute
import Testing

/// 3x3 convolutions of doubled images, which are computed as four of 2x2 where filters are not transformed for Winograd.
@Suite struct DoublingTests {
    static let cases: [(shape: Shape, outputs: Int)] = [
        (Shape(n: 1, h: 1, w: 1, c: 8), 64),
        (Shape(n: 2, h: 5, w: 7, c: 12), 64),
        (Shape(n: 1, h: 3, w: 101, c: 8), 128),  // Two chunks a row, a panel and another.
        (Shape(n: 2, h: 4, w: 6, c: 608), 64),  // More than one block of a panel.
    ]

    @Test(arguments: KernelTable.available, WeightPrecision.allCases)
    func `A doubling convolution is the sum of its definition, within its precision`(
        table: String, precision: WeightPrecision
    ) throws {
        let bench = try Bench(table: table)
        for (shape, outputs) in DoublingTests.cases {
            let x = Bench.values(shape.count), bias = Bench.values(outputs, seed: 4)
            let filters = Bench.values(outputs * shape.c * 9, seed: 2)
            let image = bench.context.upsampleNearest(
                bench.context.tensor(shape, x), height: 2 * shape.h, width: 2 * shape.w)
            let sums = Reference.convolution(
                image.array(), image.shape, filters, outputs: outputs, height: 3, width: 3, stride: 1,
                padding: Padding(all: 1))
            let expected = sums.indices.map { Reference.activate(sums[$0] + Double(bias[$0 % outputs]), .silu) }
            let result = bench.context.convolution(
                bench.context.tensor(shape, x), DoublingTests.weight(filters, outputs, shape.c, precision),
                bias: Constant(bias), padding: Padding(all: 1), upsampledTo: (2 * shape.h, 2 * shape.w),
                activation: .silu)
            let tolerance = PanelTests.tolerance[precision, default: 0]
            #expect(Bench.error(result.array(), expected) < tolerance, "\(shape) to \(outputs)")
        }
    }

    @Test func `Only whole panels of filters that Winograd does not take are summed by parity`() {
        func tag(_ precision: WeightPrecision, outputs: Int, doubles: Bool) -> String {
            PanelLayout(
                precision, outputs: outputs, channels: 32, height: 3, width: 3, stride: 1, doubles: doubles
            ).tag
        }
        #expect(tag(.int8, outputs: 128, doubles: true) == "int8 doubling 512x4x32")
        #expect(tag(.int8, outputs: 128, doubles: false) == "int8 panels 128x9x32")
        #expect(tag(.int8, outputs: 96, doubles: true) == "int8 panels 96x9x32")
        #expect(tag(.fp32, outputs: 128, doubles: true) == "fp32 winograd 128x64x32")
    }

    @Test func `Its statistics are those of its result`() throws {
        let bench = try Bench()
        let shape = Shape(n: 2, h: 5, w: 101, c: 8)
        let results = [true, false].map { collects in
            let result = bench.context.convolution(
                bench.tensor(shape), DoublingTests.weight(Bench.values(64 * 8 * 9, seed: 2), 64, 8, .int8),
                padding: Padding(all: 1), upsampledTo: (10, 202), collectsStatistics: collects)
            return bench.context.groupNorm(result, groups: 4, epsilon: 1e-5, weight: nil, bias: nil).array()
        }
        #expect(Bench.error(results[0], results[1].map(Double.init)) < 1e-6)
    }

    @Test(arguments: WeightPrecision.allCases)
    func `It has the same bits on any number of threads, and in bands of rows`(precision: WeightPrecision) throws {
        let shape = Shape(n: 1, h: 15, w: 17, c: 32)
        let weight = DoublingTests.weight(Bench.values(64 * 32 * 9, seed: 2), 64, 32, precision)
        let results = try [1, 2, 5].map { threads in
            let bench = try Bench(threads: threads)
            return bench.context.convolution(
                bench.tensor(shape), weight, padding: Padding(all: 1), upsampledTo: (30, 34)
            ).array()
        }
        #expect(results[0] == results[1] && results[0] == results[2])

        let bench = try Bench(), image = bench.tensor(shape), values = image.array()
        let window = RowWindow(
            shape, weight, stride: 1, padding: Padding(all: 1), upsampledTo: (30, 34), capacity: shape.h,
            form: weight.form, range: (values.min() ?? 0, values.max() ?? 0), in: bench.context)
        window.append(image, nil, in: bench.context)
        let bands = [0..<12, 12..<24, 24..<30].flatMap {
            bench.context.convolution(rows: $0, of: window, weight).array()
        }
        #expect(bands == results[0])
    }

    @Test func `A dry run takes the memory that the run takes`() throws {
        let weight = DoublingTests.weight(Bench.values(64 * 32 * 9, seed: 2), 64, 32, .int8)
        let peaks = try [true, false].map { measuring in
            let bench = try Bench(measuring: measuring), shape = Shape(n: 2, h: 9, w: 19, c: 32)
            _ = bench.context.convolution(
                bench.context.tensor(shape, Bench.values(shape.count)), weight, padding: Padding(all: 1),
                upsampledTo: (18, 38), collectsStatistics: true)
            return bench.context.arena.peakBytes
        }
        #expect(peaks[0] == peaks[1])
    }

    private static func weight(
        _ filters: [Float], _ outputs: Int, _ inputs: Int, _ precision: WeightPrecision
    ) -> ConvolutionWeight {
        ConvolutionWeight(
            outputsInputsHeightWidth: Constant(filters), outputs: outputs, inputs: inputs, height: 3, width: 3
        ).packed(precision, stride: 1, doubles: true)
    }
}
