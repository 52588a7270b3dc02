/// The matrix of a linear layer, `[outputs, inputs]` as checkpoints store it.
public struct LinearWeight: Sendable {
    /// Rows: features out.
    public let outputs: Int
    /// Columns: features in.
    public let inputs: Int
    /// Where the numbers are, and how they are laid out for a kernel.
    let storage: Storage

    /// How a weight lies in memory. A prepared or a quantized layout is another case.
    enum Storage {
        /// float32, row-major `[outputs, inputs]`.
        case rows(Constant)
    }

    /// A matrix of `outputs` rows of `inputs` floats.
    public init(_ rows: Constant, outputs: Int, inputs: Int) {
        precondition(rows.count == outputs * inputs, "\(rows.count) floats are no [\(outputs), \(inputs)] matrix")
        self.outputs = outputs
        self.inputs = inputs
        storage = .rows(rows)
    }

    /// Bytes of private memory that this weight takes; 0 for a view on a mapped file.
    public var preparedBytes: Int {
        switch storage {
        case .rows(let rows): rows.preparedBytes
        }
    }
}
