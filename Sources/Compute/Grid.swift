/// A matrix cut into blocks, each the work of one thread at a time. The cut follows from the matrix alone, so that results do
/// not depend on the thread count.
struct Grid {
    let rows: Int
    let columns: Int
    /// Extent of a block; those at the end may be smaller.
    private(set) var blockRows: Int
    private(set) var blockColumns: Int

    /// Cuts a product's result `[rows, columns]`. BLAS packs both operands of a block anew, which costs less the larger the block
    /// is; blocks of 256 x 256 and more are made smaller until a loop has enough of them for an even share, smaller ones only
    /// until there are a few. `whole` leaves them large, for a caller that is itself one of many.
    init(rows: Int, columns: Int, whole: Bool = false) {
        self.rows = rows
        self.columns = columns
        blockRows = min(rows, 512)
        blockColumns = Grid.even(columns, parts: (columns + 639) / 640)
        if !whole {
            shrink(until: 16, rows: 256, columns: 256)
            shrink(until: 8, rows: 128, columns: 128)
        }
    }

    private mutating func shrink(until enough: Int, rows leastRows: Int, columns leastColumns: Int) {
        while count < enough && blockRows >= 2 * leastRows { blockRows = Grid.even(rows, parts: 2 * rowBlocks) }
        while count < enough && blockColumns >= 2 * leastColumns {
            blockColumns = Grid.even(columns, parts: 2 * columnBlocks)
        }
    }

    var rowBlocks: Int { (rows + blockRows - 1) / blockRows }
    var columnBlocks: Int { (columns + blockColumns - 1) / blockColumns }
    /// Blocks in all.
    var count: Int { rowBlocks * columnBlocks }

    /// The rows and columns of a block.
    subscript(index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
        let row = index / columnBlocks * blockRows
        let column = index % columnBlocks * blockColumns
        return (row..<min(rows, row + blockRows), column..<min(columns, column + blockColumns))
    }

    /// `extent` in `parts`, rounded up to whole vectors.
    private static func even(_ extent: Int, parts: Int) -> Int {
        min(extent, ((extent + parts - 1) / parts + 31) / 32 * 32)
    }
}
