/// The filters of a convolution.
public struct ConvolutionWeight: Sendable {
    /// Channels out, channels in.
    public let outputs: Int, inputs: Int
    /// Extent of a filter in pixels.
    public let height: Int, width: Int
    /// The filters as a matrix `[outputs, height * width * inputs]`, channels innermost as activations have them.
    let matrix: LinearWeight

    /// Filters in the checkpoint's order `[outputs, inputs, height, width]`; laid out once here, channels last (a view
    /// where that is the same bytes, as for 1x1).
    public init(outputsInputsHeightWidth filters: Constant, outputs: Int, inputs: Int, height: Int, width: Int) {
        precondition(
            filters.count == outputs * inputs * height * width,
            "\(filters.count) floats are no [\(outputs), \(inputs), \(height), \(width)] filters")
        let area = height * width
        var rows = filters
        if area > 1 && inputs > 1 {
            rows = Constant(count: filters.count) { target in
                for output in 0..<outputs {
                    let source = output * inputs * area
                    for tap in 0..<area {
                        for input in 0..<inputs {
                            target[source + tap * inputs + input] = filters.floats[source + input * area + tap]
                        }
                    }
                }
            }
        }
        self.outputs = outputs
        self.inputs = inputs
        self.height = height
        self.width = width
        matrix = LinearWeight(rows, outputs: outputs, inputs: area * inputs)
    }

    private init(_ other: ConvolutionWeight, matrix: LinearWeight) {
        outputs = other.outputs
        inputs = other.inputs
        height = other.height
        width = other.width
        self.matrix = matrix
    }

    /// The same filters laid out for the product kernels, rounded to `precision`; in 32-bit floats where their channels are no
    /// whole groups of that precision.
    public func packed(_ precision: WeightPrecision) -> ConvolutionWeight {
        ConvolutionWeight(self, matrix: matrix.packed(precision, taps: height * width))
    }

    /// The form in which a convolution with these filters reads its input.
    public var form: OperandForm { matrix.form == .bytesByRow ? .bytesByImage : matrix.form }

    /// Bytes of private memory that these filters take.
    public var preparedBytes: Int { matrix.preparedBytes }
}
