/// The mark of one file taken into the spool. The ids, seeds and names of its jobs derive from it, so that taking
/// the same file in again after a crash makes the same jobs.
///
/// 14 digits and lowercase letters: nine for the milliseconds of the intake (so that marks sort by time), five random.
public struct IntakeID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The number of characters of every mark.
    public static let length = 14

    /// The checked mark.
    public let rawValue: String

    /// Answers nil unless `rawValue` is 14 lowercase letters and digits.
    public init?(rawValue: String) {
        guard rawValue.utf8.count == Self.length,
            rawValue.utf8.allSatisfy({ $0.isLetterOrDigit && !(UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0) })
        else { return nil }
        self.rawValue = rawValue
    }

    /// The mark of an intake at `time`; `entropy` tells apart those of one millisecond.
    public init(time: Timestamp, entropy: UInt32) {
        let milliseconds = UInt64(clamping: time.millisecondsSinceEpoch)
        self.rawValue = Self.text(milliseconds, digits: 9) + Self.text(UInt64(entropy), digits: 5)
    }

    /// A mark that depends on `fingerprint` alone, for an object that stays where it is: met again, it is the same intake.
    public init(fingerprint: UInt64) {
        self.rawValue = "z" + Self.text(fingerprint, digits: 13)
    }

    /// The mark itself.
    public var description: String { rawValue }

    /// The low `5 * digits` bits of `value` in base 32 with the digits of Crockford's alphabet.
    private static func text(_ value: UInt64, digits: Int) -> String {
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
        let bytes = (0..<digits).reversed().map { digit in
            let shift = UInt64(5 * digit)
            return alphabet[shift < 64 ? Int(value >> shift & 31) : 0]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
