import JSONText
import Models
import Testing

/// The JSON reader: RFC 8259, exact integers, Python's non-finite numbers, and nothing else.
struct JSONTests {
    private func parse(_ text: String) throws -> JSON {
        try Array(text.utf8).withUnsafeBytes { bytes throws(JSONError) in try JSON(parsing: bytes) }
    }

    @Test("values are what they say")
    func values() throws {
        #expect(
            try parse(#" {"a": [1, -2.5, true, null, "x\n\u00e9\ud83d\ude00"], "b": {}} "#)
                == .object([
                    "a": .array([.integer(1), .number(-2.5), .bool(true), .null, .string("x\né😀")]), "b": .object([:]),
                ]))
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(try parse("[-Infinity, 1e3]") == .array([.number(-.infinity), .number(1000)]))
    }

    @Test(
        "what is not JSON is refused with its place",
        arguments: [
            "", "{", "[1,]", "{\"a\" 1}", "{\"a\":1,}", "01", "1.", "1e", "+1", "nul", "\"a", "\"\\x\"", "\"\\ud83d\"",
            "\"\t\"", "[1] 2", "{1:2}", "{\"a\":1,\"a\":2}", "'a'", "// no",
        ])
    func errors(_ text: String) { #expect(throws: JSONError.self) { try parse(text) } }

    @Test("nesting has an end")
    func depth() throws {
        #expect(throws: Never.self) { try parse(String(repeating: "[", count: 60) + String(repeating: "]", count: 60)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test("a string must be UTF-8")
    func encoding() {
        #expect(throws: JSONError.self) {
            try [0x22, 0xC3, 0x28, 0x22].withUnsafeBytes { bytes throws(JSONError) in try JSON(parsing: bytes) }
        }
    }
}
