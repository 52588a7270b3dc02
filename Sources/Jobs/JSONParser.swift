// The grammar of RFC 8259, nothing more: no comments, no commas before a closing bracket, no NaN.

extension JSONValue {
    /// How deep arrays and objects may lie in each other; a job needs two levels.
    public static let maximumDepth = 32

    /// Reads one JSON text in UTF-8, a byte order mark in front allowed. Throws `invalidUTF8` or `malformed`.
    public init(parsing bytes: some Sequence<UInt8>) throws(JobError) {
        let text = try UTF8Text(checking: bytes)
        var parser = JSONParser(bytes: text.bytes, firstLine: 1)
        self = try parser.parse()
    }
}

/// A recursive-descent parser over bytes that are known to be UTF-8.
struct JSONParser {
    private let bytes: ArraySlice<UInt8>
    private let firstLine: Int
    private var position: Int
    private var depth = 0

    /// A parser whose errors count lines from `firstLine`.
    init(bytes: ArraySlice<UInt8>, firstLine: Int) {
        self.bytes = bytes
        self.firstLine = firstLine
        self.position = bytes.startIndex
    }

    /// The one value that the bytes hold.
    mutating func parse() throws(JobError) -> JSONValue {
        let value = try value()
        skipSpace()
        guard position == bytes.endIndex else { throw malformed("there is more text after the end of the value") }
        return value
    }

    private mutating func value() throws(JobError) -> JSONValue {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JobError) in .object(try parser.members()) }
        case UInt8(ascii: "["): return try nested { (parser) throws(JobError) in .array(try parser.elements()) }
        case UInt8(ascii: "\""): return .string(try string())
        case let byte? where byte == UInt8(ascii: "-") || byte.isDigit: return .number(try number())
        case nil: throw malformed("the text ends where a value is expected")
        default:
            for (word, value) in [("true", JSONValue.bool(true)), ("false", .bool(false)), ("null", .null)]
            where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                return value
            }
            throw malformed("a value is expected here")
        }
    }

    private mutating func nested(_ body: (inout JSONParser) throws(JobError) -> JSONValue) throws(JobError) -> JSONValue
    {
        depth += 1
        guard depth <= JSONValue.maximumDepth else {
            throw malformed("arrays and objects lie in each other more than \(JSONValue.maximumDepth) deep")
        }
        position += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func members() throws(JobError) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        skipSpace()
        if skip("}") { return members }
        repeat {
            skipSpace()
            guard peek == UInt8(ascii: "\"") else {
                throw malformed("a field's name in double quotes is expected here")
            }
            let name = try string()
            skipSpace()
            guard skip(":") else { throw malformed("a colon is expected here") }
            members.append(JSONValue.Member(name, try value()))
            skipSpace()
        } while skip(",")
        guard skip("}") else { throw malformed("a comma or } is expected here") }
        return members
    }

    private mutating func elements() throws(JobError) -> [JSONValue] {
        var elements: [JSONValue] = []
        skipSpace()
        if skip("]") { return elements }
        repeat {
            elements.append(try value())
            skipSpace()
        } while skip(",")
        guard skip("]") else { throw malformed("a comma or ] is expected here") }
        return elements
    }

    private mutating func number() throws(JobError) -> JSONNumber {
        let start = position
        _ = skip("-")
        let whole = skipDigits()
        guard whole == 1 || whole > 1 && bytes[position - whole] != UInt8(ascii: "0") else {
            throw malformed("a number begins with one digit other than 0, or with 0 alone")
        }
        if skip(".") {
            guard skipDigits() > 0 else { throw malformed("a digit is expected here") }
        }
        if skip("e") || skip("E") {
            _ = skip("+") || skip("-")
            guard skipDigits() > 0 else { throw malformed("a digit is expected here") }
        }
        return JSONNumber(checked: String(decoding: bytes[start..<position], as: UTF8.self))
    }
}

extension JSONParser {
    private mutating func string() throws(JobError) -> String {
        position += 1
        var text: [UInt8] = []
        while true {
            let plain = bytes[position...].prefix { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") && $0 >= 0x20 }
            text += plain
            position = plain.endIndex
            switch peek {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                text += UTF8.encode(try escape()) ?? UTF8.encodedReplacementCharacter
            case nil: throw malformed("the text ends inside a string")
            default: throw malformed("a control character must be written as an escape in a string")
            }
        }
    }

    private mutating func escape() throws(JobError) -> Unicode.Scalar {
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
        default: throw malformed("no escape begins like this")
        }
    }

    /// The scalar of `\uXXXX`, or of two of them that are a surrogate pair.
    private mutating func codePoint() throws(JobError) -> Unicode.Scalar {
        let unit = try codeUnit()
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, skip("\\"), skip("u") else { throw malformed("half of a surrogate pair is no character") }
        let low = try codeUnit()
        guard 0xDC00...0xDFFF ~= low,
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { throw malformed("half of a surrogate pair is no character") }
        return scalar
    }

    private mutating func codeUnit() throws(JobError) -> UInt16 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ $0.isHexDigit }),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw malformed("four hexadecimal digits are expected here") }
        position += 4
        return unit
    }

    private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipDigits() -> Int {
        let digits = bytes[position...].prefix(while: \.isDigit)
        position = digits.endIndex
        return digits.count
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func malformed(_ problem: String) -> JobError {
        let before = bytes[..<position]
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? bytes.startIndex
        let line = before.count { $0 == 0x0A }
        let column = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count
        return .malformed(line: firstLine + line, column: column + 1, problem: problem)
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool {
        isDigit || UInt8(ascii: "a")...UInt8(ascii: "f") ~= self || UInt8(ascii: "A")...UInt8(ascii: "F") ~= self
    }
}
