import Foundation
public import Output

/// The place for results, as text or as JSON, and the place for everything else: standard output and standard error, unless others are
/// named.
public struct Printer: Sendable {
    /// Whether results are JSON, one object a line.
    public let json: Bool
    private let output: OutputFile
    private let errors: OutputFile
    /// Whether what is no result goes to a terminal.
    let isTerminal: Bool

    /// A printer of JSON or of text.
    public init(json: Bool, output: OutputFile = .standardOutput, errors: OutputFile = OutputFile("/dev/stderr")) {
        (self.json, self.output, self.errors) = (json, output, errors)
        isTerminal = errors.name == "/dev/stderr" && isatty(STDERR_FILENO) == 1
    }

    /// Prints `value` as JSON, or `text` for a person.
    func result(_ value: some Encodable, text: @autoclosure () -> String) throws(ClientError) {
        guard json else { return try raw(text() + "\n") }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data: Data
        // The values are our own types, all of whose numbers are finite.
        do { data = try encoder.encode(value) } catch { preconditionFailure("\(value) is no JSON: \(error)") }
        try write(Array(data) + [UInt8(ascii: "\n")])
    }

    /// Prints finished text, without a line break of its own.
    func raw(_ text: String) throws(ClientError) { try write(Array(text.utf8)) }

    private func write(_ bytes: [UInt8]) throws(ClientError) {
        do throws(OutputError) { try output.write(bytes) } catch { throw ClientError(error) }
    }

    /// Says something to the person that is not the result.
    public func note(_ text: String) { draw(text + "\n") }

    /// The same without a line break.
    func draw(_ text: String) {
        // Where nobody hears it there is nobody else to tell.
        try? errors.write(Array(text.utf8))
    }
}
