/// A stream of normally distributed numbers that a seed determines.
public protocol RandomSource {
    /// The next draw: `count` numbers in the order of the tensor's elements, channels first.
    mutating func normals(_ count: Int) -> [Float]
}

extension RandomSourceKind {
    /// The stream of a seed.
    public func source(seed: UInt64) -> any RandomSource {
        switch self {
        case .latentd: PhiloxSource(seed: seed)
        case .torch: TorchSource(seed: seed)
        }
    }
}
