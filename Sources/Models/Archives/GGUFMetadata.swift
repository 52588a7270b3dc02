/// The metadata of a GGUF file: what is needed of it.
struct GGUFMetadata {
    /// Strings, and numbers as text, by their keys.
    private(set) var texts: [String: String] = [:]
    /// Tensors' shapes before they were stored as rows of whole blocks, by the tensors' names.
    private(set) var shapes: [String: [Int]] = [:]
    /// Where tensors may begin: at multiples of this.
    private(set) var alignment = 32

    /// What stands before a tensor's name in the key of its original shape.
    static let shapePrefix = "comfy.gguf.orig_shape."
    private static let longestKey = 65535
    private static let alignments = 8...(1 << 20)
    private static let mostExtents = 8
    /// How deep arrays may be nested.
    private static let mostDepth = 4

    /// The types of values, by their numbers in the format.
    private enum Kind: UInt32 {
        case u8, i8, u16, i16, u32, i32, f32, bool, string, array, u64, i64, f64

        /// The least bytes of a value.
        var leastBytes: Int {
            switch self {
            case .u8, .i8, .bool: 1
            case .u16, .i16: 2
            case .u32, .i32, .f32: 4
            case .string, .u64, .i64, .f64: 8
            case .array: 12
            }
        }
    }

    /// Reads `count` pairs of key and value.
    init(count: Int, _ cursor: inout GGUFCursor) throws(ModelError) {
        var keys: Set<String> = []
        for index in 0..<count {
            let field = "metadata[\(index)]"
            let key = try cursor.string("\(field).key", atMost: Self.longestKey)
            guard !key.isEmpty, key.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 }) else {
                throw cursor.refusal("\(field).key", "\(key.debugDescription) is no key")
            }
            guard keys.insert(key).inserted else { throw cursor.refusal("\(field).key", "'\(key)' appears twice") }
            let kind = try Self.kind("\(key).type", &cursor)
            if key == "general.alignment" {
                guard kind == .u32 else { throw cursor.refusal(key, "it is not a u32") }
                let value: UInt32 = try cursor.integer(key)
                guard Self.alignments.contains(Int(value)), value.nonzeroBitCount == 1 else {
                    throw cursor.refusal(key, "\(value) is not a power of two in \(Self.alignments)")
                }
                alignment = Int(value)
            } else if kind == .array, key.hasPrefix(Self.shapePrefix) {
                shapes[String(key.dropFirst(Self.shapePrefix.count))] = try Self.shape(key, &cursor)
            } else if kind == .array {
                try Self.passArray(key, &cursor)
            } else {
                texts[key] = try Self.text(kind, key, &cursor)
            }
        }
    }

    private static func kind(_ field: String, _ cursor: inout GGUFCursor) throws(ModelError) -> Kind {
        let number: UInt32 = try cursor.integer(field)
        guard let kind = Kind(rawValue: number) else { throw cursor.refusal(field, "\(number) is no type of a value") }
        return kind
    }

    /// A value that is no array, as text.
    private static func text(_ kind: Kind, _ key: String, _ cursor: inout GGUFCursor) throws(ModelError) -> String {
        switch kind {
        case .u8: return String(try cursor.integer(key) as UInt8)
        case .i8: return String(try cursor.integer(key) as Int8)
        case .u16: return String(try cursor.integer(key) as UInt16)
        case .i16: return String(try cursor.integer(key) as Int16)
        case .u32: return String(try cursor.integer(key) as UInt32)
        case .i32: return String(try cursor.integer(key) as Int32)
        case .u64: return String(try cursor.integer(key) as UInt64)
        case .i64: return String(try cursor.integer(key) as Int64)
        case .f32: return try Float(bitPattern: cursor.integer(key)).description
        case .f64: return try Double(bitPattern: cursor.integer(key)).description
        case .bool:
            let byte: UInt8 = try cursor.integer(key)
            guard byte <= 1 else { throw cursor.refusal(key, "\(byte) is neither false nor true") }
            return byte == 1 ? "true" : "false"
        case .string: return try cursor.string(key, atMost: .max)
        case .array: preconditionFailure("an array has no text")
        }
    }

    private static func shape(_ key: String, _ cursor: inout GGUFCursor) throws(ModelError) -> [Int] {
        let kind = try kind(key, &cursor), count = try cursor.count(key, leastBytes: kind.leastBytes)
        guard count <= mostExtents, ![.f32, .f64, .bool, .string, .array].contains(kind) else {
            throw cursor.refusal(key, "it is not an array of up to \(mostExtents) integers")
        }
        var extents: [Int] = []
        for _ in 0..<count {
            let text = try text(kind, key, &cursor)
            guard let extent = Int(text) else { throw cursor.refusal(key, "\(text) is no extent") }
            extents.append(extent)
        }
        return extents
    }

    /// Passes over an array, whose values nobody needs, and checks that it lies within the file.
    private static func passArray(_ key: String, _ cursor: inout GGUFCursor, depth: Int = 1) throws(ModelError) {
        let kind = try kind(key, &cursor), count = try cursor.count(key, leastBytes: kind.leastBytes)
        switch kind {
        case .array:
            guard depth < mostDepth else { throw cursor.refusal(key, "its arrays are nested too deep") }
            for _ in 0..<count { try passArray(key, &cursor, depth: depth + 1) }
        case .string:
            for _ in 0..<count { try cursor.pass(try cursor.length(key), key) }
        default: try cursor.pass(count * kind.leastBytes, key)
        }
    }
}

/// A place in a GGUF file from which numbers and strings are read, each of them within the file.
struct GGUFCursor {
    private let file: MappedFile
    /// Bytes that were read.
    var position = 0

    init(_ file: MappedFile) { self.file = file }

    /// An error that refuses a field.
    func refusal(_ field: String, _ reason: String) -> ModelError {
        .badField(file: file.path, field: field, reason: reason)
    }

    /// Moves on by so many bytes.
    mutating func pass(_ count: Int, _ field: String) throws(ModelError) {
        guard count <= rest else { throw refusal(field, "the file ends within it") }
        position += count
    }

    /// A number of any width.
    mutating func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ field: String) throws(ModelError) -> Number {
        let start = position
        try pass(MemoryLayout<Number>.size, field)
        return Number(littleEndian: file.withBytes { $0.loadUnaligned(fromByteOffset: start, as: Number.self) })
    }

    /// How many things follow, each of which takes at least `leastBytes`.
    mutating func count(_ field: String, leastBytes: Int) throws(ModelError) -> Int {
        let claimed: UInt64 = try integer(field)
        guard claimed <= UInt64(rest / leastBytes) else {
            throw refusal(field, "\(claimed) do not fit into the \(rest) bytes that are left of the file")
        }
        return Int(claimed)
    }

    /// The length of a string that follows.
    mutating func length(_ field: String) throws(ModelError) -> Int { try count(field, leastBytes: 1) }

    /// A string of at most so many bytes.
    mutating func string(_ field: String, atMost most: Int) throws(ModelError) -> String {
        let length = try length(field)
        guard length <= most else { throw refusal(field, "it has \(length) bytes, more than \(most)") }
        let start = position
        try pass(length, field)
        guard let text = file.withBytes({ String(validating: $0[start..<start + length], as: UTF8.self) }) else {
            throw refusal(field, "it is not UTF-8")
        }
        return text
    }

    private var rest: Int { file.bytes.count - position }
}
