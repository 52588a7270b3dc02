import JSONText

/// As much of JSON Schema 2020-12 as `docs/job.schema.json` uses; an unknown keyword stops the test.
struct Schema {
    let root: JSONValue

    func accepts(_ value: JSONValue) -> Bool { accepts(value, root) }

    private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        guard case .object(let keywords) = schema else { return schema == .bool(true) }
        return keywords.allSatisfy { holds($0.name, $0.value, for: value, in: schema) }
    }

    private func holds(_ keyword: String, _ argument: JSONValue, for value: JSONValue, in schema: JSONValue) -> Bool {
        switch (keyword, argument, value) {
        case ("$schema", _, _), ("$id", _, _), ("$defs", _, _), ("title", _, _), ("description", _, _),
            ("default", _, _),
            ("format", _, _):
            true
        case ("$ref", .string(let path), _): accepts(value, definition(path))
        case ("oneOf", .array(let schemas), _): schemas.count { accepts(value, $0) } == 1
        case ("not", let schema, _): !accepts(value, schema)
        case ("type", .string(let type), _): isOf(type, value)
        case ("enum", .array(let values), _): values.contains(value)
        case ("required", .array(let names), .object): names.allSatisfy { value[$0.string ?? ""] != nil }
        case ("dependentRequired", .object(let rules), .object):
            rules.allSatisfy { value[$0.name] == nil || holds("required", $0.value, for: value, in: schema) }
        case ("properties", .object(let properties), .object):
            properties.allSatisfy { property in value[property.name].map { accepts($0, property.value) } ?? true }
        case ("additionalProperties", .bool(false), .object(let members)):
            members.allSatisfy { schema["properties"]?[$0.name] != nil }
        case ("items", let schema, .array(let values)): values.allSatisfy { accepts($0, schema) }
        case ("minItems", .number(let bound), .array(let values)): Double(values.count) >= bound.double
        case ("maxItems", .number(let bound), .array(let values)): Double(values.count) <= bound.double
        case ("minimum", .number(let bound), .number(let number)): compare(number, bound) >= 0
        case ("maximum", .number(let bound), .number(let number)): compare(number, bound) <= 0
        case ("exclusiveMinimum", .number(let bound), .number(let number)): compare(number, bound) > 0
        case ("minLength", .number(let bound), .string(let text)): Double(text.unicodeScalars.count) >= bound.double
        case ("maxLength", .number(let bound), .string(let text)): Double(text.unicodeScalars.count) <= bound.double
        case ("pattern", .string(let pattern), .string(let text)): matches(text, pattern)
        case ("required", _, _), ("dependentRequired", _, _), ("properties", _, _), ("additionalProperties", _, _),
            ("items", _, _),
            ("minItems", _, _),
            ("maxItems", _, _), ("minimum", _, _), ("maximum", _, _), ("exclusiveMinimum", _, _), ("minLength", _, _),
            ("maxLength", _, _), ("pattern", _, _):
            true
        default: preconditionFailure("the test knows no keyword \(keyword)")
        }
    }

    private func definition(_ path: String) -> JSONValue {
        path.split(separator: "/").dropFirst().reduce(root) { schema, name in schema[String(name)] ?? .bool(false) }
    }

    private func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool), ("null", .null),
            ("number", .number):
            true
        case ("integer", .number(let number)): number.double == number.double.rounded()
        default: false
        }
    }

    /// Exactly, where both are integers: a `Double` cannot tell 2^64 from 2^64 - 1.
    private func compare(_ left: JSONNumber, _ right: JSONNumber) -> Int {
        if let left = left.integer(UInt64.self), let right = right.integer(UInt64.self) {
            return left < right ? -1 : left > right ? 1 : 0
        }
        if left.text == "18446744073709551616" { return 1 }
        return left.double < right.double ? -1 : left.double > right.double ? 1 : 0
    }

    /// Scalar by scalar, as ECMA-262 counts; Swift's default would take `\r\n` or a letter with its accent for one.
    private func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? Regex(pattern).matchingSemantics(.unicodeScalar) else {
            preconditionFailure("the schema's pattern \(pattern) is no regular expression")
        }
        return text.firstMatch(of: regex) != nil
    }
}
