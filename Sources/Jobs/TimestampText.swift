// RFC 3339, section 5.6: YYYY-MM-DD ("T" | "t" | " ") hh:mm:ss ["." fraction] ("Z" | "z" | ("+" | "-") hh:mm)
// Days from and to civil dates: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).

extension Timestamp: CustomStringConvertible, Codable {
    /// Reads an RFC 3339 date and time; nil without an offset, for a day that the calendar lacks and for a leap second.
    ///
    /// Digits of the fraction beyond milliseconds are cut.
    public init?(rfc3339 text: String) {
        var scanner = Scanner(text.utf8)
        guard let year = scanner.digits(4), scanner.skip("-"), let month = scanner.digits(2), scanner.skip("-"),
            let day = scanner.digits(2), scanner.skip("Tt "), let hour = scanner.digits(2), scanner.skip(":"),
            let minute = scanner.digits(2), scanner.skip(":"), let second = scanner.digits(2)
        else { return nil }
        guard 1...12 ~= month, 1...Self.days(inMonth: month, of: year) ~= day, hour < 24, minute < 60, second < 60
        else { return nil }
        guard let milliseconds = scanner.fraction(), let offset = scanner.offset(), scanner.isAtEnd else { return nil }
        let minutes = (Self.days(year, month, day) * 24 + hour) * 60 + minute - offset
        self.init(millisecondsSinceEpoch: Int64((minutes * 60 + second) * 1000 + milliseconds))
    }

    /// The moment in UTC with milliseconds: `2026-11-22T23:30:00.000Z`.
    public var description: String {
        let (days, millisecond) = Int(millisecondsSinceEpoch).quotientAndRemainder(flooring: 86_400_000)
        let (year, month, day) = Self.civil(days)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let hours = padded(millisecond / 3_600_000, 2)
        let minutes = padded(millisecond / 60_000 % 60, 2)
        let seconds = padded(millisecond / 1000 % 60, 2)
        return "\(date)T\(hours):\(minutes):\(seconds).\(padded(millisecond % 1000, 3))Z"
    }

    /// Reads RFC 3339 text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let time = Timestamp(rfc3339: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(text) is no RFC 3339 time")
        }
        self = time
    }

    /// Writes `description`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar, whose years begin in March here.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let (era, yearOfEra) = (month <= 2 ? year - 1 : year).quotientAndRemainder(flooring: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = (days + 719_468).quotientAndRemainder(flooring: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

private func padded(_ value: Int, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}

extension Int {
    fileprivate func quotientAndRemainder(flooring divisor: Int) -> (Int, Int) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// Reads the parts of a time from the front of some bytes.
private struct Scanner {
    private var rest: ArraySlice<UInt8>

    init(_ text: String.UTF8View) { rest = Array(text)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func skip(_ anyOf: String) -> Bool {
        guard let first = rest.first, anyOf.utf8.contains(first) else { return false }
        rest.removeFirst()
        return true
    }

    mutating func digits(_ count: Int) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy(\.isDigit) else { return nil }
        rest.removeFirst(count)
        return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    /// The optional fraction of a second in milliseconds.
    mutating func fraction() -> Int? {
        guard skip(".") else { return 0 }
        let digits = rest.prefix(while: \.isDigit)
        guard !digits.isEmpty else { return nil }
        rest.removeFirst(digits.count)
        let values = digits.prefix(3).map { Int($0 - UInt8(ascii: "0")) } + [0, 0]
        return values[0] * 100 + values[1] * 10 + values[2]
    }

    /// The offset from UTC in minutes.
    mutating func offset() -> Int? {
        if skip("Zz") { return 0 }
        let isNegative = rest.first == UInt8(ascii: "-")
        guard skip("+-"), let hours = digits(2), skip(":"), let minutes = digits(2), hours < 24, minutes < 60 else {
            return nil
        }
        return (isNegative ? -1 : 1) * (hours * 60 + minutes)
    }
}
