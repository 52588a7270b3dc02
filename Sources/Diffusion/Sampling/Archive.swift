/// What a saved walk is made of: a value that names its fields once, for writing and reading.
protocol Archived {
    /// Any value, to be overwritten by what an archive holds.
    init()
    /// Hands every field to the archive, in an order that never changes.
    mutating func archive(_ archive: inout Archive)
}

/// The bytes of values, written or read. Floats keep every bit, NaN's too; all numbers are little-endian.
///
/// ```
/// integer, Bool, Float, Double   8 bytes an Int, else their size         list    number of elements, then each
/// String                         a list of UTF-8 bytes                   nil     0, and 1 before a value
/// ```
/// Reading never traps: after the first thing that cannot be, everything else is read as zeros and empty lists, and `problem` says
/// what it was.
struct Archive {
    private(set) var bytes: [UInt8]
    /// What is wrong with the bytes; nil while nothing is.
    private(set) var problem: String?
    let isReading: Bool
    private var place = 0

    /// Nothing, to be written to.
    init() {
        bytes = []
        isReading = false
    }

    init(reading bytes: [UInt8]) {
        self.bytes = bytes
        isReading = true
    }

    /// Bytes that are not read yet.
    var left: Int { problem == nil ? bytes.count - place : 0 }

    /// What cannot be; the first word counts.
    mutating func fail(_ reason: String) { if problem == nil { problem = reason } }

    mutating func callAsFunction(_ value: inout some Archived) { value.archive(&self) }

    /// A word of an enumeration.
    mutating func choice<Choice: RawRepresentable<String>>(_ value: inout Choice) {
        var word = value.rawValue
        self(&word)
        guard isReading, problem == nil else { return }
        guard let choice = Choice(rawValue: word) else { return fail("it says '\(word)', which means nothing here") }
        value = choice
    }

    /// A number as its bytes, the lowest first.
    fileprivate mutating func number<Number: FixedWidthInteger & UnsignedInteger>(_ value: inout Number) {
        let size = Number.bitWidth / 8
        guard isReading else {
            for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
            return
        }
        value = 0
        guard left >= size else { return fail("it ends too early") }
        for index in 0..<size { value |= Number(bytes[place + index]) << (8 * index) }
        place += size
    }
}

extension UInt8: Archived {
    mutating func archive(_ archive: inout Archive) { archive.number(&self) }
}

extension UInt32: Archived {
    mutating func archive(_ archive: inout Archive) { archive.number(&self) }
}

extension Int: Archived {
    mutating func archive(_ archive: inout Archive) {
        var bits = UInt64(bitPattern: Int64(self))
        archive.number(&bits)
        self = Int(Int64(bitPattern: bits))
    }
}

extension Bool: Archived {
    mutating func archive(_ archive: inout Archive) {
        var bit: UInt8 = self ? 1 : 0
        archive(&bit)
        if bit > 1 { archive.fail("it has \(bit) in the place of yes or no") }
        self = bit == 1
    }
}

extension Float: Archived {
    mutating func archive(_ archive: inout Archive) {
        var bits = bitPattern
        archive.number(&bits)
        self = Float(bitPattern: bits)
    }
}

extension Double: Archived {
    mutating func archive(_ archive: inout Archive) {
        var bits = bitPattern
        archive.number(&bits)
        self = Double(bitPattern: bits)
    }
}

extension String: Archived {
    mutating func archive(_ archive: inout Archive) {
        var text = Array(utf8)
        archive(&text)
        guard let string = String(validating: text, as: UTF8.self) else { return archive.fail("a word is not UTF-8") }
        self = string
    }
}

extension Array: Archived where Element: Archived {
    mutating func archive(_ archive: inout Archive) {
        var count = count
        archive(&count)
        guard archive.isReading else {
            for index in indices { archive(&self[index]) }
            return
        }
        self = []
        // Each element takes a byte at the least.
        guard (0...archive.left).contains(count) else { return archive.fail("a list is longer than all of it") }
        for _ in 0..<count where archive.problem == nil {
            var element = Element()
            archive(&element)
            append(element)
        }
    }
}

extension Optional: Archived where Wrapped: Archived {
    init() { self = nil }

    mutating func archive(_ archive: inout Archive) {
        var isThere = self != nil
        archive(&isThere)
        guard isThere else {
            self = nil
            return
        }
        var value = self ?? Wrapped()
        archive(&value)
        self = value
    }
}
