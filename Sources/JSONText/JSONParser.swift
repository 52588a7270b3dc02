// The grammar of RFC 8259, nothing more: no comments, no commas before a closing bracket, and no NaN but where it is asked for.

extension JSONValue {
    /// Reads one JSON text in UTF-8, without a byte order mark.
    ///
    /// - Parameters:
    ///   - maximumDepth: how deep arrays and objects may lie in each other.
    ///   - refusesDuplicates: whether a name that one object has twice is an error.
    ///   - allowsNonFinite: whether `NaN`, `Infinity` and `-Infinity` are numbers, as Python writes them.
    public init(
        parsing bytes: UnsafeRawBufferPointer, maximumDepth: Int, refusesDuplicates: Bool = false,
        allowsNonFinite: Bool = false
    ) throws(JSONError) {
        var parser = JSONParser(
            bytes: bytes, maximumDepth: maximumDepth, refusesDuplicates: refusesDuplicates,
            allowsNonFinite: allowsNonFinite)
        self = try parser.document()
    }
}

/// A recursive-descent parser, which looks at every byte once.
struct JSONParser {
    let bytes: UnsafeRawBufferPointer
    let maximumDepth: Int
    let refusesDuplicates: Bool
    let allowsNonFinite: Bool
    var position = 0
    var depth = 0

    /// The one value that the bytes hold.
    mutating func document() throws(JSONError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.count else { throw failure("there is more text after the end of the value") }
        return value
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in .object(try parser.members()) }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in .array(try parser.elements()) }
        case UInt8(ascii: "\""): return .string(try string())
        case let byte? where byte == UInt8(ascii: "-") || byte.isDigit: return .number(try number())
        case nil: throw failure("the text ends where a value is expected")
        default: break
        }
        if skip("true") { return .bool(true) }
        if skip("false") { return .bool(false) }
        if skip("null") { return .null }
        if allowsNonFinite, skip("NaN") { return .number(JSONNumber(checked: "NaN")) }
        if allowsNonFinite, skip("Infinity") { return .number(JSONNumber(checked: "Infinity")) }
        throw failure("a value is expected here")
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONError) -> JSONValue
    ) throws(JSONError) -> JSONValue {
        depth += 1
        guard depth <= maximumDepth else {
            throw failure("arrays and objects are nested more than \(maximumDepth) deep")
        }
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func members() throws(JSONError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        skipSpace()
        if skip("}") { return members }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else { throw failure("a field's name in double quotes is expected here") }
            let name = try string()
            skipSpace()
            guard skip(":") else { throw failure("a colon is expected here") }
            do throws(JSONError) { members.append(JSONValue.Member(name, try value())) } catch {
                throw error.inside(name)
            }
            skipSpace()
        } while skip(",")
        guard skip("}") else { throw failure("a comma or } is expected here") }
        if refusesDuplicates { try refuseDuplicates(members) }
        return members
    }

    private func refuseDuplicates(_ members: [JSONValue.Member]) throws(JSONError) {
        // Made at once: a vocabulary of fifty thousand tokens would be hashed anew whenever it outgrew its table.
        var names = Set<String>(minimumCapacity: members.count)
        for member in members where !names.insert(member.name).inserted {
            throw failure("the name '\(member.name)' appears twice in one object")
        }
    }

    private mutating func elements() throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        skipSpace()
        if skip("]") { return elements }
        repeat {
            elements.append(try value())
            skipSpace()
        } while skip(",")
        guard skip("]") else { throw failure("a comma or ] is expected here") }
        return elements
    }

    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = position
        if skip("-"), allowsNonFinite, skip("Infinity") { return JSONNumber(checked: "-Infinity") }
        let whole = skipDigits()
        guard whole == 1 || whole > 1 && bytes[position - whole] != UInt8(ascii: "0") else {
            throw failure("a number begins with one digit other than 0, or with 0 alone")
        }
        if skip(".") {
            guard skipDigits() > 0 else { throw failure("a digit is expected here") }
        }
        if skip("e") || skip("E") {
            _ = skip("+") || skip("-")
            guard skipDigits() > 0 else { throw failure("a digit is expected here") }
        }
        return JSONNumber(checked: String(decoding: bytes[start..<position], as: UTF8.self))
    }
}

extension JSONParser {
    private mutating func string() throws(JSONError) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            let plain = skipPlain()
            switch peek {
            // Hardly any string has an escape: it is made of the bytes where they lie.
            case UInt8(ascii: "\"") where text.isEmpty: return try ended(plain)
            case UInt8(ascii: "\""): return try ended(text + plain)
            case UInt8(ascii: "\\"):
                position += 1
                text += plain
                text += UTF8.encode(try escape()) ?? UTF8.encodedReplacementCharacter
            case nil: throw failure("the text ends inside a string")
            default: throw failure("a control character must be written as an escape in a string")
            }
        }
    }

    /// Steps over what stands for itself in a string.
    private mutating func skipPlain() -> UnsafeRawBufferPointer {
        let start = position
        while let byte = peek, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    /// Steps over the quote at the end.
    private mutating func ended(_ text: some Sequence<UInt8>) throws(JSONError) -> String {
        guard let string = String(validating: text, as: UTF8.self) else { throw failure("the string is not UTF-8") }
        position += 1
        return string
    }

    private mutating func escape() throws(JSONError) -> Unicode.Scalar {
        let letter = peek
        position += letter == nil ? 0 : 1
        switch letter {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try codePoint()
        default: throw failure("no escape begins like this")
        }
    }

    /// The scalar of `\uXXXX`, or of two of them that are a surrogate pair.
    private mutating func codePoint() throws(JSONError) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, skip("\\"), skip("u") else { throw failure("half of a surrogate pair is no character") }
        let low = try codeUnit()
        guard 0xDC00...0xDFFF ~= low,
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw failure("half of a surrogate pair is no character") }
        return scalar
    }

    private mutating func codeUnit() throws(JSONError) -> UInt16 {
        let digits = bytes[position...].prefix(4).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == 4 else { throw failure("four hexadecimal digits are expected here") }
        position += 4
        return digits.reduce(0) { $0 << 4 | UInt16($1) }
    }

    private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Steps over `word`, if it is next.
    private mutating func skip(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
        position += count
        return true
    }

    /// Steps over digits and counts them.
    private mutating func skipDigits() -> Int {
        let start = position
        while peek?.isDigit == true { position += 1 }
        return position - start
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func failure(_ problem: String) -> JSONError { JSONError(offset: position, problem: problem) }
}

extension UInt8 {
    fileprivate var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}
