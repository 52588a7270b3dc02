/// A matrix cut into blocks, each the work of one thread at a time. The cut follows from the matrix alone, so that results do
/// not depend on the thread count.
struct Grid {
    let rows: Int
    let columns: Int
    /// Extent of a block; those at the end may be smaller.
    private(set) var blockRows: Int
    private(set) var blockColumns: Int

    /// Blocks that the loop should have, so that many threads get an even share.
    private static let enough = 16

    /// Cuts a product's result `[rows, columns]`: blocks as large as a packed operand's reuse wants them, then smaller until
    /// there are enough. `whole` leaves them large, for a caller that is itself one of many.
    init(rows: Int, columns: Int, whole: Bool = false) {
        self.rows = rows
        self.columns = columns
        blockRows = min(rows, 512)
        let parts = (columns + 639) / 640
        blockColumns = Grid.even(columns, parts: parts)
        if whole { return }
        while count < Grid.enough && blockRows > 192 { blockRows = Grid.even(rows, parts: 2 * rowBlocks) }
        while count < Grid.enough && blockColumns > 192 {
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
