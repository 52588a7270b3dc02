/// The filters of a convolution.
public struct ConvolutionWeight: Sendable {
    /// Channels out, channels in.
    public let outputs: Int, inputs: Int
    /// Extent of a filter in pixels.
    public let height: Int, width: Int
    /// The filters as a matrix `[outputs, height * width * inputs]`, channels innermost as activations have them; 36 products
    /// instead of `height * width` pixels for Winograd's.
    let matrix: LinearWeight

    /// Filters in the checkpoint's order `[outputs, inputs, height, width]`; laid out here, channels last.
    public init(outputsInputsHeightWidth filters: Constant, outputs: Int, inputs: Int, height: Int, width: Int) {
        let area = height * width
        precondition(
            filters.count == outputs * inputs * area,
            "\(filters.count) floats are no [\(outputs), \(inputs), \(height), \(width)] filters")
        let source = WeightSource(
            UnsafeRawBufferPointer(filters.floats), .floats(.float32), outputs: outputs, taps: area, channels: inputs,
            owner: filters.owner)
        let rows = Constant(count: filters.count) { source.write(into: UnsafeMutableRawBufferPointer($0), pool: nil) }
        self.init(rows: rows, outputs: outputs, inputs: inputs, height: height, width: width)
    }

    /// Filters as rows `[outputs, height, width, inputs]`.
    public init(rows: Constant, outputs: Int, inputs: Int, height: Int, width: Int) {
        self.outputs = outputs
        self.inputs = inputs
        self.height = height
        self.width = width
        matrix = LinearWeight(rows, outputs: outputs, inputs: height * width * inputs)
    }

    private init(_ other: ConvolutionWeight, matrix: LinearWeight) {
        outputs = other.outputs
        inputs = other.inputs
        height = other.height
        width = other.width
        self.matrix = matrix
    }

    /// Filters in panels that were laid out before: by `LinearWeight.write`, here or in another process.
    ///
    /// - Precondition: the layout is of filters of `height * width`, and the memory has its size.
    public init(_ layout: PanelLayout, in memory: WeightMemory, height: Int, width: Int) {
        precondition(layout.sourceTaps == height * width, "\(layout.tag) is no filter of \(height) x \(width)")
        outputs = layout.sourceOutputs
        inputs = layout.channels
        self.height = height
        self.width = width
        matrix = LinearWeight(layout, in: memory)
    }

    /// The same filters laid out for the product kernels in private memory, rounded to `precision` (or the next wider one that has
    /// room for so many channels).
    ///
    /// - Parameters:
    ///   - stride: of the convolutions that they are for.
    ///   - doubles: they are only for images that are doubled first.
    public func packed(_ precision: WeightPrecision, stride: Int, doubles: Bool = false) -> ConvolutionWeight {
        let layout = PanelLayout(
            precision, outputs: outputs, channels: inputs, height: height, width: width, stride: stride,
            doubles: doubles)
        return ConvolutionWeight(self, matrix: matrix.packed(as: layout))
    }

    /// The form in which a convolution with these filters reads its input.
    public var form: OperandForm {
        if winograd != nil { return .fp32 }
        return matrix.form == .bytesByRow ? .bytesByImage : matrix.form
    }

    /// Rows of a result that are computed together, where it is computed in parts.
    public static let rowAlignment = 12

    /// Whether they are for images that are doubled first, and for no others.
    var isDoubling: Bool {
        if case .panels(let panels) = matrix.storage { panels.layout.isDoubling } else { false }
    }

    /// How the filters are transformed, if they are: for a stride of 1 only.
    var winograd: Winograd? {
        if case .panels(let panels) = matrix.storage { panels.layout.winograd } else { nil }
    }
}
