import JSONText
import Jobs
import Testing

struct JSONParserTests {
    @Test(arguments: [
        (" null ", JSONValue.null), ("true", .bool(true)), ("[]", .array([])), ("{}", .object([])),
        (#""\"\\\/\b\f\n\r\t\u0041""#, .string("\"\\/\u{8}\u{C}\n\r\tA")), (#""\uD834\udd1e""#, .string("𝄞")),
        ("\u{FEFF}[1 , -0]", .array([.number(JSONNumber(1)), .number(JSONNumber(Int.min))])),
    ])
    func `Values of the grammar are read`(text: String, expected: JSONValue) throws {
        let value = try JSONValue(parsing: text.utf8)
        if case .array(let values) = value, values.count == 2 {
            #expect(values[1].description == "-0")
        } else {
            #expect(value == expected)
        }
    }

    @Test(arguments: [
        ("", 1, 1), ("{", 1, 2), ("[1,]", 1, 4), (#"{"a":1,}"#, 1, 8), ("{a: 1}", 1, 2), ("[1] x", 1, 5), ("01", 1, 3),
        ("1.", 1, 3), ("-", 1, 2), ("1e", 1, 3), ("+1", 1, 1), (".5", 1, 1), ("NaN", 1, 1), ("Infinity", 1, 1),
        ("nul", 1, 1), ("\"a", 1, 3), ("\"a\nb\"", 1, 3), (#""\x""#, 1, 4), (#""\u12g4""#, 1, 4), (#""\ud800""#, 1, 8),
        (#""\ud800\u0041""#, 1, 14), (#""\udc00""#, 1, 8), ("{\n  \"ü\" 1\n}", 2, 7), ("[1 2]", 1, 4),
        ("// c\n1", 1, 1),
        ("'a'", 1, 1), ("\u{FEFF}\u{FEFF}1", 1, 1), ("[1}", 1, 3),
    ])
    func `What is no JSON is refused with its place`(text: String, line: Int, column: Int) throws {
        let error = try #require(throws: JobError.self) { try JSONValue(parsing: text.utf8) }
        guard case .malformed(let foundLine, let foundColumn, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect((foundLine, foundColumn) == (line, column), "\(error)")
    }

    @Test func `Nesting is bounded, so that no text overflows the stack`() {
        let deepest = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(throws: Never.self) { try JSONValue(parsing: deepest.utf8) }
        #expect(throws: JobError.self) { try JSONValue(parsing: "[\(deepest)]".utf8) }
        #expect(throws: JobError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000).utf8) }
    }

    @Test(
        arguments: [
            ([0xFF], 0), (Array("\"a".utf8) + [0xC3, 0x28], 2), (Array("é".utf8) + [0xED, 0xA0, 0x80], 2),
            ([0x61, 0xC0, 0x80], 1), (Array("a€".utf8.dropLast()), 1), ([0xFF, 0xFE, 0x7B, 0x00], 0),
        ] as [([UInt8], Int)])
    func `Bytes that are no UTF-8 are refused with their offset`(bytes: [UInt8], offset: Int) {
        #expect(throws: JobError.invalidUTF8(offset: offset)) { try JSONValue(parsing: bytes) }
    }

    @Test func `Ten megabytes in one string are read, and refused as a prompt`() throws {
        let text = #"{"prompt": "\#(String(repeating: "a", count: 10_000_000))"}"#
        let error = try #require(throws: JobError.self) { try JobRequest.decode(json: text.utf8) }
        #expect(error.field == "prompt")
        #expect(error.description.utf8.count < 200)
    }

    @Test func `Duplicates and the order of members are kept`() throws {
        let text = #"{"b":1,"a":[true,null,"\u0001\u007f\""],"b":-2.50e+3}"#
        #expect(try JSONValue(parsing: text.utf8).description == text)
    }

    @Test func `The indented text is the same value`() throws {
        let value = try JSONValue(parsing: #"{"a":[1,{"b":[]},{}],"c":"d"}"#.utf8)
        let text = value.text(indented: true)
        #expect(text == "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    },\n    {}\n  ],\n  \"c\": \"d\"\n}")
        #expect(try JSONValue(parsing: text.utf8) == value)
    }
}
