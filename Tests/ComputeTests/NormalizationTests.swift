import Compute
import Testing

@Suite struct NormalizationTests {
    @Test(
        arguments: KernelTable.available,
        [
            (Shape(n: 1, h: 1, w: 1, c: 4), 2), (Shape(n: 2, h: 5, w: 7, c: 30), 3),
            (Shape(n: 1, h: 33, w: 31, c: 64), 32),
            (Shape(n: 2, h: 4, w: 4, c: 2560), 32), (Shape(n: 1, h: 64, w: 64, c: 1), 1),
        ])
    func `Group normalization holds 1e-5 also where the mean is far from zero`(
        table: String, size: (shape: Shape, groups: Int)
    ) throws {
        let bench = try Bench(table: table)
        let shape = size.shape
        let x = Bench.values(shape.count).enumerated().map { $1 + Float($0 % shape.c) * 0.1 + 10 }
        let weight = Bench.values(shape.c, seed: 2), bias = Bench.values(shape.c, seed: 3)
        let normalized = Reference.groupNorm(x, shape, groups: size.groups, epsilon: 1e-5)
        for activation in [Activation.none, .silu] {
            let result = bench.context.groupNorm(
                bench.context.tensor(shape, x), groups: size.groups, epsilon: 1e-5, weight: Constant(weight),
                bias: Constant(bias), activation: activation)
            let expected = x.indices.map {
                Reference.activate(
                    normalized[$0] * Double(weight[$0 % shape.c]) + Double(bias[$0 % shape.c]), activation)
            }
            #expect(Bench.error(result.array(), expected) < 1e-5, "\(activation)")
        }
    }

    @Test(arguments: KernelTable.available, [1, 2, 31, 33, 100, 320, 1283])
    func `Layer normalization holds 1e-5`(table: String, channels: Int) throws {
        let bench = try Bench(table: table)
        let shape = Shape(batch: 2, tokens: 13, channels: channels)
        let x = Bench.values(shape.count).map { $0 + 3 }
        let weight = Bench.values(channels, seed: 2), bias = Bench.values(channels, seed: 3)
        let normalized = Reference.layerNorm(x, shape, epsilon: 1e-5)
        let result = bench.context.layerNorm(
            bench.context.tensor(shape, x), epsilon: 1e-5, weight: Constant(weight), bias: Constant(bias))
        let expected = x.indices.map { normalized[$0] * Double(weight[$0 % channels]) + Double(bias[$0 % channels]) }
        #expect(Bench.error(result.array(), expected) < 1e-5)
        let bare = bench.context.layerNorm(bench.context.tensor(shape, x), epsilon: 1e-5, weight: nil, bias: nil)
        #expect(Bench.error(bare.array(), normalized) < 1e-5)
    }
}
