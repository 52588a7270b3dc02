/// Where a picture's noise comes from.
public enum RandomSourceKind: String, Hashable, Sendable, CaseIterable, Codable {
    /// Our own: counter-based, the same bits on every CPU.
    case latentd
    /// The numbers of `torch.manual_seed(seed); torch.randn(...)` on a CPU, for comparison with diffusers.
    case torch

    /// The stream of a seed.
    public func source(seed: UInt64) -> RandomSource { RandomSource(self, seed: seed) }
}

/// A stream of normally distributed numbers that a seed determines: a value that knows where in the stream it is.
public struct RandomSource: Sendable {
    private var stream: Stream

    private enum Stream {
        case latentd(PhiloxSource)
        case torch(TorchSource)
    }

    fileprivate init(_ kind: RandomSourceKind, seed: UInt64) {
        stream =
            switch kind {
            case .latentd: .latentd(PhiloxSource(seed: seed))
            case .torch: .torch(TorchSource(seed: seed))
            }
    }

    /// The next draw: `count` numbers in the order of the tensor's elements, channels first.
    public mutating func normals(_ count: Int) -> [Float] {
        switch stream {
        case .latentd(var source):
            defer { stream = .latentd(source) }
            return source.normals(count)
        case .torch(var source):
            defer { stream = .torch(source) }
            return source.normals(count)
        }
    }
}

extension RandomSource: Archived {
    init() { self.init(.latentd, seed: 0) }

    mutating func archive(_ archive: inout Archive) {
        var kind = if case .latentd = stream { RandomSourceKind.latentd } else { RandomSourceKind.torch }
        archive.choice(&kind)
        if archive.isReading { self = RandomSource(kind, seed: 0) }
        switch stream {
        case .latentd(var source):
            archive(&source)
            stream = .latentd(source)
        case .torch(var source):
            archive(&source)
            stream = .torch(source)
        }
    }
}
