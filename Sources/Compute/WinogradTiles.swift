/// The result of a Winograd convolution cut into square tiles, and these into runs of neighbours in a row, image by image,
/// row by row. Tiles at the end of a row or an image may hang over. The cut follows from the shape alone.
struct WinogradTiles {
    private static let mostTilesOfRun = 16

    /// Rows and columns of a tile.
    private let side: Int
    private let images: Int, height: Int, width: Int
    private let tilesHigh: Int, tilesWide: Int
    private let runsOfRow: Int
    /// Tiles of a run; the last of a row may have fewer.
    let tilesOfRun: Int

    /// Cuts a result of this shape.
    init(_ shape: Shape, side: Int) {
        self.side = side
        images = shape.n
        height = shape.h
        width = shape.w
        tilesHigh = (height + side - 1) / side
        tilesWide = (width + side - 1) / side
        let most = WinogradTiles.mostTilesOfRun
        let parts = (tilesWide + most - 1) / most
        tilesOfRun = (tilesWide + parts - 1) / parts
        runsOfRow = (tilesWide + tilesOfRun - 1) / tilesOfRun
    }

    /// Runs in all.
    var runs: Int { images * tilesHigh * runsOfRow }

    /// The tiles of a run.
    func tiles(of run: Int) -> Range<Int> {
        let part = run % runsOfRow * tilesOfRun
        let first = run / runsOfRow * tilesWide + part
        return first..<first + min(tilesOfRun, tilesWide - part)
    }

    /// The tiles of consecutive runs, at least one.
    func tiles(of runs: Range<Int>) -> Range<Int> {
        tiles(of: runs.lowerBound).lowerBound..<tiles(of: runs.upperBound - 1).upperBound
    }

    /// What lies in the image of row `y` of a run's tiles, as rows of the result; nil below the image.
    func pixels(of run: Int, y: Int) -> Range<Int>? {
        let row = run / runsOfRow, top = row % tilesHigh * side + y
        guard top < height else { return nil }
        let left = run % runsOfRow * tilesOfRun * side
        let first = (row / tilesHigh * height + top) * width + left
        return first..<first + min(tilesOfRun * side, width - left)
    }

    /// The result's rows as runs cut them: the pixels of a run in one row of the image are a chunk.
    var chunks: RowChunks {
        RowChunks(
            rows: images * height * width, imageRows: width, chunkRows: min(width, tilesOfRun * side))
    }

    /// The chunk that pixels of a run are.
    func chunk(of pixels: Range<Int>) -> Int {
        let chunks = chunks
        return pixels.lowerBound / width * chunks.perImage + pixels.lowerBound % width / chunks.chunkRows
    }
}
