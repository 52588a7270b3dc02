import Foundation
import Jobs
import Output
import Planner
import Rendering
import Settings

/// `latentd import`: makes a model folder in the foreground. It touches no spool, no database and no socket.
public struct ForegroundImport: Sendable {
    /// The names of all precisions, the widest first.
    public static let precisions = Precision.allCases.sorted(by: >).map(\.rawValue)

    private let options: ModelImport.Options
    private let printsJSON: Bool

    /// - Parameters:
    ///   - precision: one of `precisions`.
    ///   - loras: files of LoRAs that are added to the weights: `FILE`, or `FILE=SCALE`.
    ///   - output: the folder of model folders; nil for the instance's own.
    ///   - printsJSON: print the result as JSON.
    public init(
        source: String, precision: String, rules: String?, loras: [String], name: String?, output: String?,
        replaces: Bool, threads: Int, printsJSON: Bool
    ) {
        guard let precision = Precision(rawValue: precision) else {
            preconditionFailure("'\(precision)' is no precision")
        }
        options = ModelImport.Options(
            source: source, precision: precision, rules: rules, loras: loras, name: name,
            output: output ?? Layout.system.models[0].string, replaces: replaces, threads: threads,
            version: Version.text)
        self.printsJSON = printsJSON
    }

    /// Imports. SIGTERM, SIGINT and SIGHUP leave nothing unfinished behind.
    public func run() throws(DaemonError) {
        var line = ImportLine()
        let imported: ModelImport.Imported
        let signals = StopSignals()
        do throws(RenderingError) {
            let task = try ModelImport(options)
            signals.clean { task.discard() }
            imported = try task.run { component, fraction in line.show(component, fraction) }
        } catch {
            signals.waitIfCaught()
            line.end()
            throw .rendering(error)
        }
        line.end()
        let mebibytes = { (bytes: Int) in String(format: "%.1f MiB", Double(bytes) / 1_048_576) }
        let text =
            "\(imported.path): \(mebibytes(imported.bytes)) of weights, \(mebibytes(imported.sourceBytes)) before"
        try printResult(imported, text: printsJSON ? nil : text)
    }

    /// Ranks the layers by the error that rounding each one alone brings.
    public func rank(limit: Int?) throws(DaemonError) {
        var line = ImportLine()
        let layers: [ModelImport.Layer]
        do throws(RenderingError) {
            layers = try ModelImport(options).rankLayers(limit: limit) { layer, number, count in
                line.show("layer \(number) of \(count)", Double(number) / Double(count))
            }
        } catch {
            line.end()
            throw .rendering(error)
        }
        line.end()
        let rows = layers.map { layer in
            String(format: "%10.6f  %9d  ", layer.error, layer.elements) + layer.name
        }
        let text = (["     error   elements  layer"] + rows).joined(separator: "\n")
        try printResult(layers, text: printsJSON ? nil : text)
    }
}

/// How far an import is, on standard error: a line that is rewritten on a terminal, elsewhere one for each new subject or tenth.
private struct ImportLine {
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var last = ""

    mutating func show(_ subject: String, _ fraction: Double) {
        let percent = Int(fraction * 100), text = String(format: "%3d %%  ", percent) + subject
        let step = isTerminal ? text : "\(percent / 10)"
        guard step != last else { return }
        last = step
        write(isTerminal ? "\r\u{1B}[K\(text)" : "\(text)\n")
    }

    mutating func end() {
        if isTerminal, !last.isEmpty { write("\r\u{1B}[K") }
        last = ""
    }

    private func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}
