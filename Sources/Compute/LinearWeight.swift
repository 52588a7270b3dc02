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
        /// Laid out for the product kernels, at any precision.
        case panels(Panels)
    }

    /// A matrix of `outputs` rows of `inputs` floats.
    public init(_ rows: Constant, outputs: Int, inputs: Int) {
        precondition(rows.count == outputs * inputs, "\(rows.count) floats are no [\(outputs), \(inputs)] matrix")
        self.outputs = outputs
        self.inputs = inputs
        storage = .rows(rows)
    }

    private init(_ panels: Panels) {
        outputs = panels.outputs
        inputs = panels.depth
        storage = .panels(panels)
    }

    /// The same weight laid out for the product kernels, rounded to `precision`.
    ///
    /// - Parameter taps: pixels that a row of the weight sees, channels innermost; 1 for a linear layer.
    ///   Where the channels are no whole groups of that precision, 32-bit floats.
    func packed(_ precision: WeightPrecision, taps: Int = 1) -> LinearWeight {
        guard case .rows(let rows) = storage else { return self }
        let precision = inputs / taps % precision.group == 0 ? precision : .fp32
        let panels = Panels(
            rows.pointer, outputs: outputs, taps: taps, channels: inputs / taps, precision: precision)
        return LinearWeight(panels)
    }

    /// The same weight laid out for the product kernels, rounded to `precision`; in 32-bit floats where its inputs are no whole
    /// groups of that precision.
    public func packed(_ precision: WeightPrecision) -> LinearWeight { packed(precision, taps: 1) }

    /// The form in which a product with this weight reads its left side.
    public var form: OperandForm {
        guard case .panels(let panels) = storage else { return .fp32 }
        return switch panels.precision {
        case .fp32: .fp32
        case .bf16: .bf16
        case .int8, .int4: .bytesByRow
        }
    }

    var isInPanels: Bool {
        if case .panels = storage { true } else { false }
    }

    /// Bytes of private memory that this weight takes; 0 for a view on a mapped file.
    public var preparedBytes: Int {
        switch storage {
        case .rows(let rows): rows.preparedBytes
        case .panels(let panels): panels.byteCount
        }
    }
}
