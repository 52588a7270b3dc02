import CKernels

/// How the numbers of a weight are kept and multiplied.
public enum WeightPrecision: String, Hashable, Comparable, Sendable, CaseIterable {
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

    /// Bytes of one weight where it is multiplied.
    var elementBytes: Int {
        switch self {
        case .fp32: 4
        case .bf16: 2
        case .int8, .int4: 1
        }
    }

    /// Bits of one weight in memory, scales apart.
    public var bits: Int { self == .int4 ? 4 : 8 * elementBytes }

    /// By width: `int4 < fp32`.
    public static func < (left: WeightPrecision, right: WeightPrecision) -> Bool { left.bits < right.bits }

    /// This precision, or the narrowest wider one that so many channels are whole groups of.
    func fitting(channels: Int) -> WeightPrecision {
        switch self {
        case .int4 where !channels.isMultiple(of: Quantizer.groupSize): WeightPrecision.int8.fitting(channels: channels)
        case .int8 where !channels.isMultiple(of: group): WeightPrecision.bf16.fitting(channels: channels)
        case .bf16 where !channels.isMultiple(of: group): .fp32
        default: self
        }
    }
}
