import JSONText

/// Takes the members of one JSON object apart, strictly: each known, each once, each of its own type.
struct FieldReader {
    private let path: String
    private let members: [String: JSONValue]

    /// Reads the object `json`, found at `path`; throws for anything else, and for a member that is not in `fields`.
    init(_ json: JSONValue, at path: String, fields: [String]) throws(JobError) {
        self.path = path
        guard case .object(let list) = json else {
            throw .wrongType(path: path.isEmpty ? "the job" : path, expected: "an object", found: json.kind)
        }
        var members: [String: JSONValue] = [:]
        for member in list {
            let memberPath = Self.join(path, member.name)
            guard fields.contains(member.name) else {
                throw .unknownField(path: memberPath, suggestion: Self.nearest(to: member.name, among: fields))
            }
            guard members.updateValue(member.value, forKey: member.name) == nil else {
                throw .duplicateField(path: memberPath)
            }
        }
        self.members = members
    }

    func value(_ field: String) -> JSONValue? { members[field] }

    func path(_ field: String) -> String { Self.join(path, field) }

    func string(_ field: String) throws(JobError) -> String? {
        guard let value = members[field] else { return nil }
        guard case .string(let text) = value else { throw wrongType(field, "a string", value) }
        return text
    }

    func bool(_ field: String) throws(JobError) -> Bool? {
        guard let value = members[field] else { return nil }
        guard case .bool(let flag) = value else { throw wrongType(field, "true or false", value) }
        return flag
    }

    func integer<Integer: FixedWidthInteger>(_ field: String, in range: ClosedRange<Integer>) throws(JobError)
        -> Integer?
    {
        guard let value = members[field] else { return nil }
        guard case .number(let number) = value, number.isWhole else { throw wrongType(field, "a whole number", value) }
        guard let integer = number.integer(Integer.self), range.contains(integer) else {
            throw invalid(field, "must be \(range.lowerBound) to \(range.upperBound), not \(value.kind)")
        }
        return integer
    }

    func double(_ field: String, in range: ClosedRange<Double>) throws(JobError) -> Double? {
        guard let value = members[field] else { return nil }
        guard case .number(let number) = value else { throw wrongType(field, "a number", value) }
        guard range.contains(number.double) else {
            let (lower, upper) = (JSONNumber(range.lowerBound).text, JSONNumber(range.upperBound).text)
            throw invalid(field, "must be \(lower) to \(upper), not \(value.kind)")
        }
        return number.double
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ field: String, of: Choice.Type = Choice.self
    ) throws(JobError) -> Choice? {
        guard let text = try string(field) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            throw invalid(field, "must be one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    func invalid(_ field: String, _ problem: String) -> JobError { .invalidValue(path: path(field), problem: problem) }

    private func wrongType(_ field: String, _ expected: String, _ value: JSONValue) -> JobError {
        .wrongType(path: path(field), expected: expected, found: value.kind)
    }

    /// `path.name`, with a name that may be anything made fit for a line of a log.
    private static func join(_ path: String, _ name: String) -> String {
        let scalars = name.unicodeScalars.prefix(64).map { PathComponent.isAllowed($0) ? $0 : "?" }
        var shown = String(String.UnicodeScalarView(scalars))
        if shown.isEmpty { shown = "\"\"" }
        return path.isEmpty ? shown : "\(path).\(shown)"
    }

    private static func nearest(to name: String, among fields: [String]) -> String? {
        guard name.utf8.count <= 64 else { return nil }
        let ranked = fields.map { (field: $0, distance: editDistance(Array(name.lowercased().utf8), Array($0.utf8))) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= 2 else { return nil }
        return best.field
    }

    /// Levenshtein's distance: insertions, deletions and replacements from `left` to `right`.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
