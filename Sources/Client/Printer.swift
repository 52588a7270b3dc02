import Foundation
import Output

/// Standard output for results, as text or as JSON; standard error for everything else.
public struct Printer: Sendable {
    /// Whether results are JSON, one object a line.
    public let json: Bool

    /// A printer of JSON or of text.
    public init(json: Bool) { self.json = json }

    /// Prints `value` as JSON, or `text` for a person.
    public func result(_ value: some Encodable, text: @autoclosure () -> String) throws(ClientError) {
        guard json else { return try raw(text() + "\n") }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data: Data
        // The values are our own types, all of whose numbers are finite.
        do { data = try encoder.encode(value) } catch { preconditionFailure("\(value) is no JSON: \(error)") }
        try write(Array(data) + [UInt8(ascii: "\n")])
    }

    /// Prints finished text, without a line break of its own.
    public func raw(_ text: String) throws(ClientError) { try write(Array(text.utf8)) }

    private func write(_ bytes: [UInt8]) throws(ClientError) {
        do throws(OutputError) { try OutputFile.standardOutput.write(bytes) } catch { throw ClientError(error) }
    }

    /// Says something to the person that is not the result.
    public func note(_ text: String) {
        // Where nobody hears it there is nobody else to tell.
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }
}
