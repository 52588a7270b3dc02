import Foundation

/// Standard output for results, as text or as JSON; standard error for everything else.
public struct Printer: Sendable {
    /// Whether results are JSON, one object a line.
    public let json: Bool

    /// A printer of JSON or of text.
    public init(json: Bool) { self.json = json }

    /// Prints `value` as JSON, or `text` for a person.
    public func result(_ value: some Encodable, text: @autoclosure () -> String) {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            // The values are our own types, all of whose numbers are finite.
            guard let data = try? encoder.encode(value) else { return }
            Self.write(data + Data("\n".utf8), to: .standardOutput)
        } else {
            Self.write(Data((text() + "\n").utf8), to: .standardOutput)
        }
    }

    /// Prints finished text, without a line break of its own.
    public func raw(_ text: String) {
        Self.write(Data(text.utf8), to: .standardOutput)
    }

    /// Says something to the person that is not the result.
    public func note(_ text: String) {
        Self.write(Data((text + "\n").utf8), to: .standardError)
    }

    /// A reader that went away (`| head`) is no error.
    private static func write(_ data: Data, to handle: FileHandle) {
        try? handle.write(contentsOf: data)
    }
}
