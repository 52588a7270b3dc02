/// A matrix of which single rows are read, such as token embeddings: it stays as the checkpoint has it, and a row becomes floats when
/// it is asked for.
public struct LookupTable: Sendable {
    /// Rows.
    public let rows: Int
    /// Elements of a row.
    public let columns: Int
    private let source: WeightSource

    /// A table of the rows of `source`.
    public init(_ source: WeightSource) {
        rows = source.outputs
        columns = source.depth
        self.source = source
    }

    /// A table of `rows` rows of `columns` floats.
    public init(_ values: Constant, rows: Int, columns: Int) {
        self.init(
            WeightSource(
                UnsafeRawBufferPointer(values.floats), .rows, outputs: rows, taps: 1, channels: columns,
                owner: values.owner))
    }

    func read(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        precondition(row >= 0 && row < rows, "the table of \(rows) rows has no row \(row)")
        source.read(row..<row + 1, into: target)
    }
}
