/// A function applied to every element.
public enum Activation: Int32, Hashable, Sendable, CaseIterable {
    case none = 0
    /// `x * sigmoid(x)`.
    case silu
    /// `x * (1 + erf(x / sqrt 2)) / 2`: the exact GELU.
    case gelu
    /// `x * sigmoid(1.702 x)`: CLIP's approximation of GELU.
    case quickGelu
    case relu
    case tanh
}
