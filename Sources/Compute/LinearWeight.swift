/// The matrix of a linear layer, `[outputs, inputs]` as checkpoints store it.
public struct LinearWeight: Sendable {
    /// Rows: features out.
    public let outputs: Int
    /// Columns: features in.
    public let inputs: Int
    /// Where the numbers are, and how they are laid out for a kernel.
    let storage: Storage

    /// How a weight lies in memory.
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

    /// A matrix in panels that were laid out before: by `write`, here or in another process.
    ///
    /// - Precondition: the memory has the layout's size.
    public init(_ layout: PanelLayout, in memory: WeightMemory) {
        outputs = layout.outputs
        inputs = layout.depth
        storage = .panels(Panels(layout, in: memory))
    }

    /// Lays `source` out as panels, in parallel where there is a pool.
    ///
    /// - Parameter target: of the layout's size; every byte is written.
    public static func write(
        _ source: WeightSource, as layout: PanelLayout, into target: UnsafeMutableRawBufferPointer,
        pool: ThreadPool? = nil
    ) {
        PanelWriter(layout, from: source).write(into: target, pool)
    }

    /// The same weight laid out for the product kernels in private memory, rounded to `precision` (or the next wider one that has
    /// room for so many inputs).
    public func packed(_ precision: WeightPrecision) -> LinearWeight {
        packed(as: PanelLayout(precision, outputs: outputs, taps: 1, channels: inputs))
    }

    /// The same weight laid out for the product kernels in private memory.
    func packed(as layout: PanelLayout) -> LinearWeight {
        guard case .rows(let rows) = storage else { return self }
        let source = WeightSource(
            UnsafeRawBufferPointer(rows.floats), .rows, outputs: layout.sourceOutputs, taps: layout.sourceTaps,
            channels: layout.channels, owner: rows.owner)
        return LinearWeight(
            layout,
            in: WeightMemory(byteCount: layout.byteCount) { LinearWeight.write(source, as: layout, into: $0) })
    }

    /// How its numbers are multiplied.
    public var precision: WeightPrecision {
        guard case .panels(let panels) = storage else { return .fp32 }
        return panels.precision.arithmetic
    }

    /// The form in which a product with this weight reads its left side.
    public var form: OperandForm {
        switch precision {
        case .fp32: .fp32
        case .bf16: .bf16
        case .int8, .int4: .bytesByRow
        }
    }

    var isInPanels: Bool {
        if case .panels = storage { true } else { false }
    }
}
