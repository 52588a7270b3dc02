/// How much memory the daemon may plan with: a size, or a share of what the host or its cgroup grants.
public enum MemoryLimit: Sendable, Equatable {
    case size(ByteCount)
    case percent(Double)

    /// Reads a ``ByteCount`` or a percentage above 0 and up to 100 (`90%`); `nil` for anything else, and for no bytes at all.
    public init?(_ text: String) {
        if let (amount, unit) = splitUnit(text), unit == "%" {
            guard amount > 0, amount <= 100 else { return nil }
            self = .percent(amount)
        } else if let size = ByteCount(text), size.bytes > 0 {
            self = .size(size)
        } else {
            return nil
        }
    }

    /// The limit in bytes where `available` bytes are granted: never more than those.
    public func bytes(of available: Int) -> Int {
        switch self {
        case .size(let size): min(size.bytes, available)
        case .percent(let percent): Int(Double(available) * percent / 100)
        }
    }
}
