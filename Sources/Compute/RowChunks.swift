/// Rows of a matrix cut into chunks that do not cross from one image into the next. The cut follows from the matrix alone.
struct RowChunks {
    let rows: Int
    /// Rows of one image; divides `rows`. Where images do not matter, all of them.
    let imageRows: Int
    /// Rows of a chunk; the last of an image may have fewer.
    let chunkRows: Int

    /// Chunks of one image.
    var perImage: Int { (imageRows + chunkRows - 1) / chunkRows }
    /// Chunks in all.
    var count: Int { rows / imageRows * perImage }

    /// The image that a chunk belongs to.
    func image(of chunk: Int) -> Int { chunk / perImage }

    /// The rows of a chunk.
    subscript(chunk: Int) -> Range<Int> {
        let image = chunk / perImage * imageRows, first = chunk % perImage * chunkRows
        return image + first..<image + min(imageRows, first + chunkRows)
    }
}
