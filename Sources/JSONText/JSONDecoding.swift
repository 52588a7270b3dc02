extension JSONValue {
    /// The value as a type of ours; throws a `DecodingError` with the path of what does not fit.
    ///
    /// The text was read by the strict parser, and is not read again: what a field holds as a `JSONValue` is handed over as it is.
    public func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONDecoding(value: self, codingPath: []).decode(type)
    }
}

/// A decoder of one value, whose members are looked up by name. A name that an object has twice is an error.
struct JSONDecoding: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let list) = value else { throw mismatch([String: JSONValue].self, "an object") }
        var members: [String: JSONValue] = [:]
        for member in list where members.updateValue(member.value, forKey: member.name) != nil {
            throw DecodingError.dataCorrupted(
                .init(codingPath: codingPath, debugDescription: "The name '\(member.name)' appears twice."))
        }
        return KeyedDecodingContainer(Keyed<Key>(decoder: self, members: members))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let values) = value else { throw mismatch([JSONValue].self, "an array") }
        return Unkeyed(decoder: self, values: values)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { Single(decoder: self) }

    /// The value as `type`: what JSON itself has, or what the type makes of it.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let value = value as? Value { return value }
        switch value {
        case .bool(let bool): if let bool = bool as? Value { return bool }
        case .string(let text): if let text = text as? Value { return text }
        case .number(let number): if let number = Self.number(number, as: type) { return number }
        default: break
        }
        guard Self.isScalar(type) else { return try type.init(from: self) }
        throw mismatch(type, "a value of this type")
    }

    func mismatch(_ type: Any.Type, _ expected: String) -> DecodingError {
        .typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "Expected \(expected), found \(value.kind)."))
    }

    private static func isScalar(_ type: Any.Type) -> Bool {
        type is any FixedWidthInteger.Type || [Bool.self, String.self, Double.self, Float.self].contains { $0 == type }
    }

    private static func number<Value>(_ number: JSONNumber, as type: Value.Type) -> Value? {
        func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Any? { number.integer(type) }
        if let type = type as? any FixedWidthInteger.Type { return integer(type) as? Value }
        return number.double as? Value ?? Float(number.double) as? Value
    }

    private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let decoder: JSONDecoding
        let members: [String: JSONValue]

        var codingPath: [any CodingKey] { decoder.codingPath }
        var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }

        func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }

        func decodeNil(forKey key: Key) throws -> Bool { try member(key).value == .null }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            try member(key).decode(type)
        }

        func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<Nested> {
            try member(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try member(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { decoder }

        func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }

        private func member(_ key: Key) throws -> JSONDecoding {
            guard let value = members[key.stringValue] else {
                throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "It is missing."))
            }
            return JSONDecoding(value: value, codingPath: codingPath + [key])
        }
    }

    private struct Unkeyed: UnkeyedDecodingContainer {
        let decoder: JSONDecoding
        let values: [JSONValue]
        var currentIndex = 0

        var codingPath: [any CodingKey] { decoder.codingPath }
        var count: Int? { values.count }
        var isAtEnd: Bool { currentIndex == values.count }

        mutating func decodeNil() throws -> Bool {
            guard try element().value == .null else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let value = try element().decode(type)
            currentIndex += 1
            return value
        }

        mutating func nestedContainer<Nested: CodingKey>(
            keyedBy type: Nested.Type
        ) throws -> KeyedDecodingContainer<Nested> {
            let container = try element().container(keyedBy: type)
            currentIndex += 1
            return container
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            let container = try element().unkeyedContainer()
            currentIndex += 1
            return container
        }

        mutating func superDecoder() throws -> any Decoder {
            let element = try element()
            currentIndex += 1
            return element
        }

        private func element() throws -> JSONDecoding {
            let path = codingPath + [Index(intValue: currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    JSONValue.self, .init(codingPath: path, debugDescription: "The array ends before."))
            }
            return JSONDecoding(value: values[currentIndex], codingPath: path)
        }
    }

    private struct Single: SingleValueDecodingContainer {
        let decoder: JSONDecoding

        var codingPath: [any CodingKey] { decoder.codingPath }

        func decodeNil() -> Bool { decoder.value == .null }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try decoder.decode(type) }
    }

    /// An element's place in a path.
    private struct Index: CodingKey {
        let intValue: Int?
        var stringValue: String { "Index \(intValue ?? 0)" }

        init(intValue: Int) { self.intValue = intValue }

        init?(stringValue: String) { nil }
    }
}
