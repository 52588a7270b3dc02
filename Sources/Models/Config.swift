/// A JSON object of a model's configuration, read field by field.
///
/// Every getter that fails names the file and the field, so that a person can find the line.
public struct Config: Sendable {
    /// The file that the object came from.
    public let file: String
    /// The object's members.
    public let members: [String: JSON]
    /// The object's place in the file, which messages put before a field's name.
    private let path: String

    /// Reads a file whose document is an object.
    public init(file: String) throws(ModelError) {
        guard case .object(let members) = try JSON(file: file) else {
            throw .malformed(file: file, reason: "its document is not an object")
        }
        self.init(file: file, members: members)
    }

    /// Members that were read elsewhere.
    public init(file: String, members: [String: JSON], path: String = "") {
        self.file = file
        self.members = members
        self.path = path
    }

    /// True when the field is there and not null.
    public func has(_ field: String) -> Bool { (members[field] ?? .null) != .null }

    /// An error that refuses the field.
    public func refusal(_ field: String, _ reason: String) -> ModelError {
        .badField(file: file, field: path + field, reason: reason)
    }

    private func value<T>(
        _ field: String, _ fallback: T?, _ wanted: String, _ convert: (JSON) -> T?
    ) throws(ModelError) -> T {
        switch members[field] ?? .null {
        case .null:
            guard let fallback else { throw refusal(field, "it is missing; \(wanted) is needed") }
            return fallback
        case let json:
            guard let value = convert(json) else { throw refusal(field, "it is \(json.kind), not \(wanted)") }
            return value
        }
    }

    /// An integer within `range`. Null and an absent field give `fallback`; without one they are an error.
    public func integer(
        _ field: String, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...(1 << 24)
    ) throws(ModelError) -> Int {
        let value = try value(field, fallback, "an integer") { $0.integer }
        guard range.contains(value) else {
            throw refusal(field, "\(value) is not between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    /// A number, finite or not.
    public func number(_ field: String, default fallback: Double? = nil) throws(ModelError) -> Double {
        try value(field, fallback, "a number") { json in
            switch json {
            case .integer(let integer): Double(integer)
            case .number(let number): number
            default: nil
            }
        }
    }

    /// A boolean.
    public func bool(_ field: String, default fallback: Bool? = nil) throws(ModelError) -> Bool {
        try value(field, fallback, "a boolean") { if case .bool(let bool) = $0 { bool } else { nil } }
    }

    /// A string.
    public func string(_ field: String, default fallback: String? = nil) throws(ModelError) -> String {
        try value(field, fallback, "a string") { if case .string(let string) = $0 { string } else { nil } }
    }

    /// A string that names a case of `Choice`; anything else is refused with the list of what would do.
    public func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ field: String, default fallback: Choice? = nil
    ) throws(ModelError) -> Choice {
        let text = try string(field, default: fallback?.rawValue)
        guard let choice = Choice(rawValue: text) else {
            let known = Choice.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw refusal(field, "'\(text)' is not supported; \(known) would be")
        }
        return choice
    }

    /// An object, whose fields are named with this one's in messages.
    public func object(_ field: String) throws(ModelError) -> Config {
        guard case .object(let members)? = members[field] else { throw refusal(field, "it is not an object") }
        return Config(file: file, members: members, path: "\(path)\(field).")
    }

    /// An array of strings.
    public func strings(_ field: String) throws(ModelError) -> [String] {
        try value(field, nil, "an array of strings") { json in
            guard case .array(let elements) = json else { return nil }
            var strings: [String] = []
            for case .string(let string) in elements { strings.append(string) }
            return strings.count == elements.count ? strings : nil
        }
    }

    /// An array of integers within `range`.
    public func integers(
        _ field: String, default fallback: [Int]? = nil, in range: ClosedRange<Int> = 1...(1 << 24)
    ) throws(ModelError) -> [Int] {
        let values: [Int] = try value(field, fallback, "an array of integers") { json in
            guard case .array(let elements) = json else { return nil }
            let integers = elements.compactMap(\.integer)
            return integers.count == elements.count ? integers : nil
        }
        for value in values where !range.contains(value) {
            throw refusal(field, "\(value) is not between \(range.lowerBound) and \(range.upperBound)")
        }
        return values
    }

    /// `count` integers: an array of that many, or one integer for all of them.
    public func integers(
        _ field: String, count: Int, default fallback: Int? = nil, in range: ClosedRange<Int> = 1...(1 << 24)
    ) throws(ModelError) -> [Int] {
        guard case .array = members[field] ?? .null else {
            return Array(repeating: try integer(field, default: fallback, in: range), count: count)
        }
        let values = try integers(field, in: range)
        guard values.count == count else { throw refusal(field, "it has \(values.count) elements, not \(count)") }
        return values
    }

    /// `count` booleans: an array of that many, or one boolean for all of them.
    public func bools(_ field: String, count: Int, default fallback: Bool) throws(ModelError) -> [Bool] {
        guard case .array(let elements) = members[field] ?? .null else {
            return Array(repeating: try bool(field, default: fallback), count: count)
        }
        var bools: [Bool] = []
        for case .bool(let bool) in elements { bools.append(bool) }
        guard bools.count == count, elements.count == count else { throw refusal(field, "it is not \(count) booleans") }
        return bools
    }

    /// Refuses a field whose value is not one of `harmless`: it asks for something that is not implemented. An absent field
    /// is as good as null.
    public func require(_ field: String, isOneOf harmless: [JSON], _ reason: String) throws(ModelError) {
        let value = members[field] ?? .null
        guard value == .null || harmless.contains(value) else { throw refusal(field, reason) }
    }
}

extension JSON {
    /// The integer, also when it was written as `4.0`.
    var integer: Int? {
        switch self {
        case .integer(let integer): integer
        case .number(let number): Int(exactly: number)
        default: nil
        }
    }
}
