import ArgumentParser
import Daemon
import Foundation
import Output
import Settings
import SystemPackage

/// The command line of the daemon.
@main
struct Latentd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latentd",
        abstract: "A print spooler for pictures.",
        version: Version.text,
        subcommands: [ServeCommand.self, RenderCommand.self, ImportCommand.self, ProbeCommand.self])

    static func main() async {
        OutputFile.ignoreSignals()
        if let problem = ProcessText.current.problem { end(problem.description, code: problem.exitCode.rawValue) }
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as DaemonError {
            end(error.description, code: error.exitCode.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    private static func end(_ sentence: String, code: Int32) -> Never {
        try? FileHandle.standardError.write(contentsOf: Data("latentd: \(sentence)\n".utf8))
        Foundation.exit(code)
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Takes jobs from the spool and makes their pictures.",
        discussion: """
            Without --root, the system's instance. With it, a private one: spool, state, cache, socket and configuration lie \
            under DIR, and 'latentctl --root DIR' talks to it.
            """)

    @Option(help: ArgumentHelp("The settings; the instance's latentd.yaml without it.", valueName: "file"))
    var config: String?

    @Option(help: ArgumentHelp("Run a private instance under this directory.", valueName: "dir"))
    var root: String?

    @Option(help: ArgumentHelp("A further folder of model folders, searched first; may be repeated.", valueName: "dir"))
    var models: [String] = []

    mutating func run() async throws {
        let instance = Instance(
            layout: root.map { Layout(root: FilePath($0)) } ?? .system, configuration: config.map { FilePath($0) },
            modelDirectories: models.map { FilePath($0) })
        try await instance.run()
    }
}

struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe",
        abstract: "Prints what this host can do, and which models it can use, as JSON ('latentctl doctor' asks).")

    @Option(help: ArgumentHelp("A folder of model folders; may be repeated.", valueName: "dir"))
    var models: [String] = []

    mutating func run() throws { try ForegroundProbe(modelDirectories: models).run() }
}
