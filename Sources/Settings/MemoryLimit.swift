/// How much memory the daemon may take for a job.
public enum MemoryLimit: Sendable, Equatable {
    /// What the control group grants, or 60 % of the memory where there is no such limit.
    case automatic
    case size(ByteCount)
    /// A share of what the control group, or else the host, grants.
    case percent(Double)

    /// Reads `auto`, a ``ByteCount`` or a percentage above 0 and up to 100 (`90%`); `nil` for anything else, and for no bytes at all.
    public init?(_ text: String) {
        if text == "auto" {
            self = .automatic
        } else if text.hasSuffix("%") {
            let digits = text.prefix { ("0"..."9").contains($0) || $0 == "." }
            let unit = text.dropFirst(digits.count).drop { $0 == " " }
            guard unit == "%", let amount = Double(digits), amount > 0, amount <= 100 else { return nil }
            self = .percent(amount)
        } else if let size = ByteCount(text), size.bytes > 0 {
            self = .size(size)
        } else {
            return nil
        }
    }

    /// The limit in bytes where `granted` bytes are: never more than those. Nil leaves it to the host.
    public func bytes(of granted: Int) -> Int? {
        switch self {
        case .automatic: nil
        case .size(let size): min(size.bytes, granted)
        case .percent(let percent): Int(Double(granted) * percent / 100)
        }
    }
}
