import CKernels

/// How the numbers of a weight are kept and multiplied.
public enum WeightPrecision: String, Hashable, Sendable, CaseIterable {
    /// 32-bit floats.
    case fp32
    /// bfloat16 weights and activations, sums in 32-bit floats.
    case bf16
    /// 8-bit integers: weights symmetric with a scale for each output, activations with a range found as they come (one
    /// for each row of a linear layer, one for a whole image of a convolution), sums exact in 32 bits.
    case int8
    /// 4-bit integers with a scale for each 32 inputs of an output, multiplied as `int8`.
    case int4

    /// The precision of the products: a weight of 4 bits is one of 8 by the time it is multiplied.
    var arithmetic: WeightPrecision { self == .int4 ? .int8 : self }

    /// Elements of a row that an instruction multiplies and sums at once: a layer's channels must be a multiple of it.
    var group: Int { 4 / elementBytes }

    /// Bytes of one weight.
    var elementBytes: Int {
        switch self {
        case .fp32: 4
        case .bf16: 2
        case .int8, .int4: 1
        }
    }

    /// Bytes of a weight `[outputs, inputs]` as `LinearWeight.packed` lays it out.
    public func packedBytes(outputs: Int, inputs: Int) -> Int {
        let unit = Int(KERNELS_PANEL_UNIT)
        return (outputs + unit - 1) / unit * unit * inputs * elementBytes
    }
}
