/// The rows of a convolution's left matrix in strips, each packed into a bounded scratch before its product.
///
/// Where there are many strips, each is the work of one thread, in that thread's own scratch; else all threads share one.
struct Strips {
    let rows: Int
    /// Elements of a packed row.
    let rowElements: Int
    /// Rows of a strip; the last may be shorter.
    let stripRows: Int
    /// True when each thread packs its own strip.
    let arePrivate: Bool

    private static let sharedElements = 4 << 20
    private static let privateRows = 512
    private static let enough = 8

    init(rows: Int, rowElements: Int) {
        self.rows = rows
        self.rowElements = rowElements
        arePrivate = rows >= Strips.privateRows * Strips.enough
        if arePrivate {
            stripRows = Strips.privateRows
        } else {
            let most = max(64, Strips.sharedElements / rowElements)
            let parts = (rows + most - 1) / most
            stripRows = min(rows, ((rows + parts - 1) / parts + 15) / 16 * 16)
        }
    }

    /// Strips in all.
    var count: Int { (rows + stripRows - 1) / stripRows }
    /// Elements of a packed strip.
    var elements: Int { stripRows * rowElements }

    /// Elements of scratch that `threads` threads need.
    func scratchElements(threads: Int) -> Int { arePrivate ? threads * elements : elements }

    /// The rows of a strip.
    subscript(index: Int) -> Range<Int> { index * stripRows..<min(rows, (index + 1) * stripRows) }
}
