import Foundation
import Output
import Rendering
import Varlink

/// `latentd probe`: what the engine can do on this host, and what it can use of some folders of model folders, as JSON. `latentctl`,
/// which has no engine, runs it.
public struct ForegroundProbe: Sendable {
    private let modelDirectories: [String]

    /// Looks into `modelDirectories`.
    public init(modelDirectories: [String]) { self.modelDirectories = modelDirectories }

    /// Looks, and prints a `ProbeInfo`.
    public func run() throws(DaemonError) {
        let catalog = ModelCatalog(directories: modelDirectories)
        var info = ProbeInfo(
            models: catalog.facts.map(\.name), problems: catalog.problems.map { "\($0.path): \($0.error)" })
        do throws(RenderingError) {
            info.host = try Renderer.hostProfile(threads: 0)
        } catch {
            info.hostProblem = error.description
        }
        try printResult(info)
    }
}

/// Prints a command's result, as a line of JSON without a text.
func printResult(_ value: some Encodable, text: String? = nil) throws(DaemonError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
        let data = try text.map { Data($0.utf8) } ?? encoder.encode(value)
        try OutputFile.standardOutput.write(Array(data) + [UInt8(ascii: "\n")])
    } catch {
        throw DaemonError(error)
    }
}
