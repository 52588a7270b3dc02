/// A recursive-descent parser of RFC 8259, plus Python's `NaN` and `Infinity`.
///
/// Every byte is looked at once; nesting is bounded, so hostile input cannot exhaust the stack.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0
    private static let deepest = 64

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSON {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw failure("something follows the value") }
        return value
    }

    private func failure(_ reason: String) -> JSONError { JSONError(offset: position, reason: reason) }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    /// Steps over `byte`, if it is next.
    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard current == UInt8(ascii: byte) else { return false }
        position += 1
        return true
    }

    private mutating func takeWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
        position += count
        return true
    }

    private mutating func value() throws(JSONError) -> JSON {
        skipSpace()
        switch current {
        case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case nil: throw failure("the text ends where a value should be")
        default: break
        }
        if takeWord("true") { return .bool(true) }
        if takeWord("false") { return .bool(false) }
        if takeWord("null") { return .null }
        if takeWord("NaN") { return .number(.nan) }
        if takeWord("Infinity") { return .number(.infinity) }
        if takeWord("-Infinity") { return .number(-.infinity) }
        return try number()
    }

    private mutating func nested(_ body: (inout JSONParser) throws(JSONError) -> JSON) throws(JSONError) -> JSON {
        position += 1
        depth += 1
        guard depth <= JSONParser.deepest else { throw failure("values are nested too deeply") }
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(JSONError) -> JSON {
        var members: [(name: String, value: JSON)] = []
        skipSpace()
        if take("}") { return .object([:]) }
        repeat {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw failure("a name should be here") }
            let name = try string()
            skipSpace()
            guard take(":") else { throw failure("a ':' should be here") }
            members.append((name, try value()))
            skipSpace()
        } while take(",")
        guard take("}") else { throw failure("a ',' or '}' should be here") }
        // Made at once: a vocabulary of fifty thousand tokens would be hashed anew whenever it outgrew its table.
        var object: [String: JSON] = [:]
        object.reserveCapacity(members.count)
        for (name, value) in members where object.updateValue(value, forKey: name) != nil {
            throw failure("the name '\(name)' appears twice in one object")
        }
        return .object(object)
    }

    private mutating func array() throws(JSONError) -> JSON {
        var elements: [JSON] = []
        skipSpace()
        if take("]") { return .array(elements) }
        repeat {
            elements.append(try value())
            skipSpace()
        } while take(",")
        guard take("]") else { throw failure("a ',' or ']' should be here") }
        return .array(elements)
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = position
        _ = take("-")
        let integerDigits = digits()
        guard integerDigits > 0 else { throw failure("a value should be here") }
        let leadingZero = bytes[position - integerDigits] == UInt8(ascii: "0")
        guard integerDigits == 1 || !leadingZero else { throw failure("a number starts with 0") }
        var exact = true
        if take(".") {
            exact = false
            guard digits() > 0 else { throw failure("a digit should follow the point") }
        }
        if take("e") || take("E") {
            exact = false
            _ = take("+") || take("-")
            guard digits() > 0 else { throw failure("a digit should follow the exponent") }
        }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        if exact, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text) else { throw failure("the number cannot be represented") }
        return .number(number)
    }

    /// Steps over digits and counts them.
    private mutating func digits() -> Int {
        let start = position
        while let byte = current, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(JSONError) -> String {
        position += 1
        let start = position
        while let byte = current, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        // Hardly any string has an escape.
        if current == UInt8(ascii: "\"") { return try ended(UnsafeRawBufferPointer(rebasing: bytes[start..<position])) }
        var text = Array(bytes[start..<position])
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""): return try ended(text)
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case ..<0x20:
                throw failure("a control character stands in a string")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw failure("the text ends inside a string")
    }

    /// Steps over the quote at the end.
    private mutating func ended(_ text: some Sequence<UInt8>) throws(JSONError) -> String {
        guard let string = String(validating: text, as: UTF8.self) else { throw failure("the string is not UTF-8") }
        position += 1
        return string
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = current else { throw failure("the text ends inside a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(Character(try unicodeEscape()).utf8))
        default: throw failure("an unknown escape")
        }
    }

    /// The scalar after `\u`, which may take a second half.
    private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if (0xD800...0xDBFF).contains(first), take("\\"), take("u") {
            let second = try hexadecimal()
            if (0xDC00...0xDFFF).contains(second),
                let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
            {
                return scalar
            }
            throw failure("half of a surrogate pair")
        }
        guard let scalar = Unicode.Scalar(first) else { throw failure("half of a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("four hexadecimal digits should follow \\u")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
