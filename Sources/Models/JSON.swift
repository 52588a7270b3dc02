/// A JSON document as a value.
///
/// Integers are kept exact. As Python's `json` writes them into model configurations, `NaN`, `Infinity` and `-Infinity` are
/// numbers. A name that appears twice in one object is an error: which of the two was meant is anybody's guess.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    /// Parses a whole document, UTF-8.
    public init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var parser = JSONParser(bytes)
        self = try parser.document()
    }

    /// Reads and parses a file.
    public init(file path: String) throws(ModelError) {
        let file = try MappedFile(path)
        do throws(JSONError) {
            self = try file.withBytes { bytes throws(JSONError) in try JSON(parsing: bytes) }
        } catch {
            throw .malformed(file: path, reason: error.description)
        }
    }

    /// What kind of value this is, for messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer: "an integer"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Where and why a text is not JSON.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Bytes before the place.
    public let offset: Int
    /// What was wrong there.
    public let reason: String

    /// The reason and the place.
    public var description: String { "it is not valid JSON: \(reason) at byte \(offset)" }
}
