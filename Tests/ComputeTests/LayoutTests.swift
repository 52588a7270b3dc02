import Compute
import Testing

@Suite struct LayoutTests {
    @Test(arguments: KernelTable.available, [Shape(n: 2, h: 5, w: 7, c: 3), Shape(n: 1, h: 16, w: 16, c: 33)])
    func `Channels first and back again is the same tensor`(table: String, shape: Shape) throws {
        let bench = try Bench(table: table)
        let values = Bench.values(shape.count)
        let tensor = bench.context.tensor(shape, channelsFirst: values)
        #expect(tensor.floats[1 * shape.c + 2] == values[2 * shape.pixels + 1])
        #expect(bench.context.channelsFirst(tensor) == values)
    }

    @Test func `Concatenation keeps each part whole`() throws {
        let context = try Bench().context
        let x = context.tensor(Shape(n: 1, h: 1, w: 2, c: 1), [1, 2])
        let y = context.tensor(Shape(n: 1, h: 1, w: 2, c: 2), [3, 4, 5, 6])
        #expect(context.concatenateChannels(x, y).array() == [1, 3, 4, 2, 5, 6])
        #expect(context.concatenateBatch([x, x]).array() == [1, 2, 1, 2])
    }

    @Test func `Nearest enlargement repeats pixels`() throws {
        let context = try Bench().context
        let x = context.tensor(Shape(n: 1, h: 1, w: 2, c: 1), [1, 2])
        #expect(context.upsampleNearest(x, height: 2, width: 5).array() == [1, 1, 1, 2, 2, 1, 1, 1, 2, 2])
    }
}
